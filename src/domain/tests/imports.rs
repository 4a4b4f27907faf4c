//! Rows of imports: a product is there afterwards as the row says, whatever was there before.

use proptest::prelude::*;

use crate::domain::catalogue::import::{ImportProduct, Imported};
use crate::domain::model::handling::Dimensions;
use crate::domain::model::product::{Price, Product, ProductChange};
use crate::domain::model::refusal::Refusal;
use crate::domain::model::service::ProductKind;
use crate::domain::tests::bench::{Bench, refused_fields};
use crate::domain::tests::given::{sku, usd};
use crate::domain::unit::command::Command;

fn import(
    bench: &mut Bench,
    of: &str,
    kind: Option<ProductKind>,
    changes: Vec<ProductChange>,
) -> Result<(Product, Imported), Refusal> {
    bench.decide(|unit| ImportProduct { sku: sku(of), kind, changes: changes.clone() }.decide(unit))
}

fn named(name: &str) -> ProductChange {
    ProductChange::Name(name.to_owned())
}

#[test]
fn a_row_creates_what_is_missing_and_corrects_what_is_there() {
    let mut bench = Bench::with_stock(&[]);
    let (made, imported) = import(&mut bench, "NEW", None, vec![named("Mug")]).expect("created");
    assert_eq!((imported, made.version, made.kind), (Imported::Created, 1, ProductKind::Goods));

    let price = vec![ProductChange::UnitPrice(Some(usd(500)))];
    let (priced, imported) = import(&mut bench, "NEW", None, price.clone()).expect("corrected");
    assert_eq!((imported, priced.version, priced.name.as_str()), (Imported::Updated, 2, "Mug"));
    let (same, imported) = import(&mut bench, "NEW", Some(ProductKind::Goods), price).expect("as it is");
    assert_eq!((imported, same), (Imported::Unchanged, priced));
}

#[test]
fn a_new_product_needs_a_name_and_none_becomes_another_kind() {
    let mut bench = Bench::with_stock(&[]);
    let nameless = import(&mut bench, "NEW", None, vec![ProductChange::Fragile(true)]);
    assert_eq!(refused_fields(nameless), ["product.name"]);
    let heavy = vec![named("Fitting"), ProductChange::WeightGrams(5)];
    let heavy = import(&mut bench, "FIT-NEW", Some(ProductKind::Service), heavy);
    assert_eq!(refused_fields(heavy), ["product.weight_grams"]);

    import(&mut bench, "FIT-NEW", Some(ProductKind::Service), vec![named("Fitting")]).expect("a service");
    let other = import(&mut bench, "FIT-NEW", Some(ProductKind::Goods), vec![named("Fitting")]);
    assert_eq!(refused_fields(other), ["product.kind"]);
    let twice = vec![Price { price: usd(1), valid_from: None }, Price { price: usd(2), valid_from: None }];
    let twice = import(&mut bench, "FIT-NEW", None, vec![ProductChange::Prices(twice)]);
    assert_eq!(refused_fields(twice), ["product.prices[1]"]);
}

fn any_change() -> impl Strategy<Value = ProductChange> {
    let side = 1_i64..4;
    prop_oneof![
        "[a-c]{1,2}".prop_map(ProductChange::Name),
        (0_i64..3).prop_map(|it| ProductChange::UnitPrice(Some(usd(it)))),
        (0_i64..3).prop_map(ProductChange::WeightGrams),
        side.prop_map(|it| {
            let sides = Dimensions { length_mm: it, width_mm: it, height_mm: it };
            ProductChange::Dimensions(Some(sides))
        }),
        any::<bool>().prop_map(ProductChange::Fragile),
    ]
}

proptest! {
    /// A row that is sent again finds what it made, and its outcome tells the truth about the version.
    #[test]
    fn a_row_that_is_decided_twice_changes_nothing_the_second_time(
        rows in prop::collection::vec((0..3_usize, prop::collection::vec(any_change(), 0..4)), 1..12),
    ) {
        let mut bench = Bench::with_stock(&[]);
        for (which, changes) in rows {
            let of = ["P-0", "P-1", "P-2"][which];
            let changes = [vec![named("Thing")], changes].concat();
            let before = bench.snapshot.products.get(&sku(of)).cloned();
            let (made, imported) = import(&mut bench, of, None, changes.clone()).expect("a legal row");
            let (version, same) = before.map_or((0, false), |it| (it.version, *it == made));
            prop_assert_eq!(imported == Imported::Created, version == 0);
            prop_assert_eq!(imported == Imported::Unchanged, same);
            prop_assert_eq!(made.version, if same { version } else { version + 1 });

            let (again, imported) = import(&mut bench, of, None, changes).expect("a legal row");
            prop_assert_eq!((imported, again), (Imported::Unchanged, made));
        }
    }
}
