//! Who buys and where it goes, over the wire: spellings that pass, warnings, people's and services' words about a rule, a
//! wrong address put right after the invoice.

use consign::domain::{Risk, Rule, Severity};
use consign::pb::{self, HoldReason, OrderState, VerificationFinding, VerificationOutcome, VerificationRule};
use consign::settings::Settings;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

use crate::letters::letter;
use crate::server::{TestServer, on_both_engines};
use crate::shop::{by, create_order, draft, every_law_holds, order, reason, stocked};

/// An order of one unit by this buyer, changed.
fn changed(buyer: &str, change: impl FnOnce(&mut pb::OrderDraft)) -> pb::OrderDraft {
    let mut draft = draft(buyer, "V-1", 1);
    change(&mut draft);
    draft
}

fn customer(draft: &mut pb::OrderDraft) -> &mut pb::Customer {
    draft.customer.as_mut().expect("a customer")
}

fn address(draft: &mut pb::OrderDraft) -> &mut pb::Address {
    draft.shipping_address.as_mut().expect("an address")
}

async fn placed(server: &TestServer, draft: pb::OrderDraft) -> pb::Order {
    create_order(server, draft).await.expect("an order")
}

fn active(order: &pb::Order) -> Vec<HoldReason> {
    let active = order.holds.iter().filter(|it| it.state() == pb::HoldState::Active);
    active.map(|it| it.reason()).collect()
}

fn outcome(order: &pb::Order, rule: VerificationRule) -> VerificationOutcome {
    order.verification.iter().find(|it| it.rule() == rule).expect("a result of every rule").outcome()
}

async fn recorded(
    server: &TestServer,
    order: &pb::Order,
    finding: VerificationFinding,
) -> Result<pb::Order, Status> {
    recorded_of(server, order, VerificationRule::Address, finding).await
}

async fn recorded_of(
    server: &TestServer,
    order: &pb::Order,
    rule: VerificationRule,
    finding: VerificationFinding,
) -> Result<pb::Order, Status> {
    let request = pb::RecordVerificationRequest {
        order_id: order.id.clone(),
        provider: "post".to_owned(),
        rule: rule.into(),
        finding: finding.into(),
        facts: vec!["looked up at the delivery point".to_owned()],
        reference: "DP-1".to_owned(),
        ..Default::default()
    };
    let answer = server.orders.clone().record_verification(by("checker", request)).await?;
    Ok(answer.into_inner().order.expect("the order"))
}

async fn assessed(server: &TestServer, order: &pb::Order, level: pb::RiskLevel) -> pb::Order {
    let request = pb::RecordRiskAssessmentRequest {
        order_id: order.id.clone(),
        provider: "radar".to_owned(),
        level: level.into(),
        facts: vec!["42 orders in an hour".to_owned()],
        ..Default::default()
    };
    let answer = server.orders.clone().record_risk_assessment(by("checker", request)).await;
    answer.expect("recorded").into_inner().order.expect("the order")
}

async fn moved(
    server: &TestServer,
    order: &pb::Order,
    change: impl FnOnce(&mut pb::Address),
) -> Result<pb::Order, Status> {
    let request = pb::UpdateOrderRequest {
        order_id: order.id.clone(),
        order: Some(changed("mover", |it| change(address(it)))),
        update_mask: Some(prost_types::FieldMask { paths: vec!["shipping_address".to_owned()] }),
        ..Default::default()
    };
    let answer = server.orders.clone().update_order(by("clerk", request)).await?;
    Ok(answer.into_inner().order.expect("the order"))
}

fn everywhere(settings: &mut Settings) {
    let countries = ["AE", "AT", "BE", "DE", "FI", "FR", "GB", "IT", "MO", "NO", "SE", "US", "XK"];
    let countries = countries.map(str::to_owned).to_vec();
    settings.rules.regions = [("EUROPE".parse().expect("a region"), countries)].into();
}

on_both_engines!(phones_and_addresses_pass_as_people_write_them, everywhere, async |server| {
    stocked(&server, "V-1", 100).await;
    let extended =
        placed(&server, changed("ann", |it| customer(it).phone = "+1 212 736 5000 ext. 123".to_owned()))
            .await;
    let kept = extended.customer.as_ref().expect("a customer");
    assert_eq!((kept.phone.as_str(), kept.phone_extension.as_str()), ("+12127365000", "123"));

    let arabic = placed(
        &server,
        changed("omar", |it| {
            customer(it).phone = "٠٥٠ ١٢٣ ٤٥٦٧".to_owned();
            *address(it) = pb::Address {
                street: vec!["Sheikh Zayed Rd 1".to_owned()],
                city: "Dubai".to_owned(),
                state: "Dubai".to_owned(),
                country: "AE".to_owned(),
                ..Default::default()
            };
        }),
    )
    .await;
    assert_eq!(arabic.customer.as_ref().expect("a customer").phone, "+971501234567");

    let berlin = placed(
        &server,
        changed("bea", |it| {
            customer(it).name = "Bea Blau\t".to_owned();
            address(it).street = vec!["Hauptstr. 1\nHinterhaus".to_owned()];
            address(it).postal_code = "D-10115".to_owned();
        }),
    )
    .await;
    let kept = berlin.shipping_address.as_ref().expect("an address");
    assert_eq!(
        (kept.street.len(), kept.street[1].as_str(), kept.postal_code.as_str()),
        (2, "Hinterhaus", "10115")
    );
    assert_eq!(berlin.customer.as_ref().expect("a customer").name, "Bea Blau");

    for draft in [to("MO", ["", "", ""]), to("XK", ["Prishtinë", "", "10000"])] {
        let order = placed(&server, draft).await;
        assert_eq!(order.state(), OrderState::Invoiced, "{:?}", order.verification);
        assert!(order.warnings.is_empty());
    }
    every_law_holds(&server).await;
});

/// An order to this city, state and postal code.
fn to(country: &str, [city, state, code]: [&str; 3]) -> pb::OrderDraft {
    changed(country, |it| {
        *address(it) = pb::Address {
            street: vec!["Rua Central 1".to_owned()],
            city: city.to_owned(),
            state: state.to_owned(),
            postal_code: code.to_owned(),
            country: country.to_owned(),
            ..Default::default()
        };
    })
}

on_both_engines!(a_mark_of_the_country_before_a_postal_code_is_dropped, everywhere, async |server| {
    stocked(&server, "V-1", 100).await;
    for (country, place, kept) in [
        ("DE", ["Mannheim", "", "D-68306"], "68306"),
        ("FI", ["Helsinki", "", "FIN-00100"], "00100"),
        ("AT", ["Graz", "", "A-8010"], "8010"),
        ("FR", ["Nantes", "", "F-44000"], "44000"),
        ("SE", ["Bräcke", "", "S-844 67"], "844 67"),
        ("IT", ["Bergamo", "BG", "I-24100"], "24100"),
        ("NO", ["Stavern", "", "N-4110"], "4110"),
        ("BE", ["Bruxelles", "", "B-1180"], "1180"),
    ] {
        let order = placed(&server, to(country, place)).await;
        assert_eq!(order.state(), OrderState::Invoiced, "{:?}", order.verification);
        assert!(order.warnings.is_empty(), "{:?}", order.warnings);
        assert_eq!(order.shipping_address.expect("an address").postal_code, kept);
    }
    // The mark of another country is a mistake.
    let held = placed(&server, to("AT", ["Graz", "", "D-8010"])).await;
    assert_eq!(active(&held), [HoldReason::VerificationFailed]);
    assert_eq!(outcome(&held, VerificationRule::Address), VerificationOutcome::Failed);
    assert_eq!(held.shipping_address.expect("an address").postal_code, "D-8010");
    every_law_holds(&server).await;
});

on_both_engines!(
    articles_references_and_accounts_are_taken_and_a_card_is_refused_without_its_digits,
    async |server| {
        stocked(&server, "V-1", 100).await;
        let fine = [
            "EAN 4001234500027",
            "ref 112-3640021-5936259",
            "IBAN DE89 3704 0044 0532 0130 00",
            "DK4870870649529984, please pay back to it",
        ];
        for (number, instructions) in fine.into_iter().enumerate() {
            let reference = format!("11{number}-3640021-5936259");
            let wish = changed(&format!("ann{number}"), |it| {
                it.external_reference = reference.clone();
                it.lines[0].description = "Mug, EAN 4001234500027".to_owned();
                it.special_instructions = instructions.to_owned();
            });
            let order = placed(&server, wish).await;
            assert_eq!(
                (order.state(), order.special_instructions.as_str()),
                (OrderState::Invoiced, instructions)
            );
            assert_eq!(order.external_reference, reference);
            assert_eq!(order.lines[0].description, "Mug, EAN 4001234500027");
        }

        for card in ["4242424242424242", "my card is 4242 4242 4242 4242, 12/29", "3782-822463-10005"] {
            let wish = changed("bob", |it| it.special_instructions = card.to_owned());
            let refused = create_order(&server, wish).await.expect_err("a card");
            assert_eq!((refused.code(), reason(&refused).as_str()), (Code::InvalidArgument, "INVALID_FIELD"));
            let bad = refused.get_details_bad_request().expect("the bad fields").field_violations;
            let [bad] = &bad[..] else { panic!("{bad:?}") };
            assert_eq!(bad.field, "order.special_instructions");
            let told = format!("{} {}", refused.message(), String::from_utf8_lossy(refused.details()));
            assert!(told.contains("looks like a card number"), "{told}");
            assert!(["4242", "3782", "822463", "10005"].iter().all(|it| !told.contains(it)), "{told}");
        }
        every_law_holds(&server).await;
    }
);

on_both_engines!(
    what_is_wrong_beside_one_good_contact_is_a_warning_and_a_held_customer_reads_one_point,
    async |server| {
        stocked(&server, "V-1", 100).await;
        let warned = placed(&server, changed("ann", |it| customer(it).phone = "call me".to_owned())).await;
        assert_eq!(warned.state(), OrderState::Invoiced);
        let [warning] = &warned.warnings[..] else { panic!("{:?}", warned.warnings) };
        assert_eq!(
            (warning.rule(), warning.field.as_str()),
            (VerificationRule::ContactDetails, "customer.phone")
        );
        assert_eq!(outcome(&warned, VerificationRule::ContactDetails), VerificationOutcome::Warned);

        let held = placed(&server, changed("bob", |it| address(it).postal_code = "1011".to_owned())).await;
        assert_eq!(active(&held), [HoldReason::VerificationFailed]);
        let filter = format!("order_id = {} AND kind = ON_HOLD", held.id);
        let request = pb::ListMessagesRequest { filter, ..Default::default() };
        let letters =
            server.orders.clone().list_messages(request).await.expect("a page").into_inner().messages;
        let points: Vec<_> = letters[0].body.lines().filter(|it| it.starts_with("- ")).collect();
        let [point] = points[..] else { panic!("{points:?}") };
        assert!(
            point.starts_with("- Your address: something is missing, or the postal code does not match"),
            "{point}"
        );
        every_law_holds(&server).await;
    }
);

on_both_engines!(a_person_attests_what_a_rule_found_with_a_name_and_a_reason, async |server| {
    stocked(&server, "V-1", 100).await;
    let held = placed(&server, changed("bob", |it| address(it).postal_code = "1011".to_owned())).await;
    let request = pb::VerifyOrderRequest {
        order_id: held.id.clone(),
        attest: vec![pb::RuleAttestation {
            rule: VerificationRule::Address.into(),
            reason: "a new quarter, its code is not in the tables yet".to_owned(),
        }],
        ..Default::default()
    };
    let unnamed = server.orders.clone().verify_order(Request::new(request.clone())).await;
    assert_eq!(reason(&unnamed.expect_err("nobody attests")), "ACTOR_REQUIRED");
    let answer = server.orders.clone().verify_order(by("carla", request)).await.expect("attested");
    let order = answer.into_inner().order.expect("the order");
    assert_eq!(order.state(), OrderState::Invoiced);
    assert_eq!(outcome(&order, VerificationRule::Address), VerificationOutcome::Attested);
    let result = order.verification.iter().find(|it| it.rule() == VerificationRule::Address);
    let word = result.and_then(|it| it.attestation.as_ref()).expect("a word");
    assert_eq!(word.attested_by, "carla");
    assert!(word.reason.starts_with("a new quarter") && word.attest_time.is_some());
    every_law_holds(&server).await;
});

on_both_engines!(an_address_that_a_service_finds_wrong_after_the_invoice_is_put_right, async |server| {
    stocked(&server, "V-1", 100).await;
    let fine = placed(&server, draft("ann", "V-1", 1)).await;
    assert_eq!(fine.state(), OrderState::Invoiced);
    let stopped = recorded(&server, &fine, VerificationFinding::Failed).await.expect("recorded");
    assert_eq!(active(&stopped), [HoldReason::IncorrectAddress]);
    assert!(stopped.available_actions.iter().any(|it| it == "UpdateOrder"));
    let evidence = &stopped.verification_evidence[0];
    assert_eq!((evidence.provider.as_str(), evidence.reference.as_str()), ("post", "DP-1"));
    assert_eq!(evidence.recorded_by, "checker");

    let abroad = moved(&server, &fine, |it| it.country = "FR".to_owned()).await.expect_err("other taxes");
    let violations = abroad.get_details_bad_request().expect("the bad fields").field_violations;
    assert_eq!(abroad.code(), Code::InvalidArgument);
    assert_eq!(violations[0].field, "order.shipping_address.country");
    let right = moved(&server, &fine, |it| it.street = vec!["Invalidenstraße 118".to_owned()]).await;
    let right = right.expect("put right");
    assert!(active(&right).is_empty());
    assert_eq!(right.totals, fine.totals);
    assert!(right.verification_evidence[0].outdate_time.is_some());

    let held = placed(&server, changed("bob", |it| address(it).postal_code = "1011".to_owned())).await;
    let passed = recorded(&server, &held, VerificationFinding::Passed).await.expect("recorded");
    assert_eq!((passed.state(), active(&passed)), (OrderState::Invoiced, Vec::new()));
    every_law_holds(&server).await;
});

on_both_engines!(
    a_risk_that_a_service_finds_high_stops_the_order_until_it_thinks_otherwise,
    async |server| {
        stocked(&server, "V-1", 100).await;
        let fine = placed(&server, draft("ann", "V-1", 1)).await;
        let stopped = assessed(&server, &fine, pb::RiskLevel::High).await;
        assert_eq!(active(&stopped), [HoldReason::HighRiskOfFraud]);
        assert_eq!(stopped.risk_level(), pb::RiskLevel::High);
        assert_eq!(stopped.risk_assessments[0].facts, ["42 orders in an hour"]);
        let free = assessed(&server, &fine, pb::RiskLevel::Low).await;
        assert_eq!((active(&free), free.risk_level()), (Vec::new(), pb::RiskLevel::Low));
        assert_eq!(order(&server, &fine.id).await.risk_assessments.len(), 2);
        every_law_holds(&server).await;
    }
);

/// Faults in addresses are warnings, faults in a second contact stop an order, and so does a risk in the middle.
fn otherwise(settings: &mut Settings) {
    settings.rules.verification =
        [(Rule::Address, Severity::Warn), (Rule::ContactDetails, Severity::Hold)].into();
    settings.rules.assessed_risk = [(Risk::Medium, Severity::Hold)].into();
}

on_both_engines!(what_a_rule_or_a_risk_does_to_an_order_is_policy, otherwise, async |server| {
    stocked(&server, "V-1", 100).await;
    let warned = placed(&server, changed("bob", |it| address(it).postal_code = "1011".to_owned())).await;
    assert_eq!((warned.state(), active(&warned)), (OrderState::Invoiced, Vec::new()));
    assert_eq!(outcome(&warned, VerificationRule::Address), VerificationOutcome::Warned);
    let [warning] = &warned.warnings[..] else { panic!("{:?}", warned.warnings) };
    assert_eq!(
        (warning.rule(), warning.field.as_str()),
        (VerificationRule::Address, "shipping_address.postal_code")
    );

    let held = placed(&server, changed("ann", |it| customer(it).phone = "call me".to_owned())).await;
    assert_eq!((held.state(), active(&held)), (OrderState::Received, vec![HoldReason::VerificationFailed]));
    assert_eq!(outcome(&held, VerificationRule::ContactDetails), VerificationOutcome::Failed);
    assert_eq!(outcome(&held, VerificationRule::Contact), VerificationOutcome::Passed);

    // A service's word is a warning too where the rule's own is one.
    let fine = placed(&server, draft("carl", "V-1", 1)).await;
    let doubted = recorded(&server, &fine, VerificationFinding::Failed).await.expect("recorded");
    assert!(active(&doubted).is_empty());
    assert_eq!(outcome(&doubted, VerificationRule::Address), VerificationOutcome::Warned);

    // What is left out stays as it is: a high risk stops an order by default.
    for level in [pb::RiskLevel::Medium, pb::RiskLevel::High] {
        let stopped = assessed(&server, &fine, level).await;
        assert_eq!((active(&stopped), stopped.risk_level()), (vec![HoldReason::HighRiskOfFraud], level));
        let free = assessed(&server, &fine, pb::RiskLevel::Low).await;
        assert_eq!((active(&free), free.risk_level()), (Vec::new(), pb::RiskLevel::Low));
    }
    every_law_holds(&server).await;
});

fn blocking(settings: &mut Settings) {
    settings.rules.blocked_customers = vec!["mallory@example.com".to_owned()];
}

on_both_engines!(
    who_can_put_a_contact_right_is_asked_to_and_who_is_blocked_is_not,
    blocking,
    async |server| {
        stocked(&server, "V-1", 100).await;
        let fine = placed(&server, draft("ann", "V-1", 1)).await;
        let contact = VerificationRule::Contact;
        let stopped =
            recorded_of(&server, &fine, contact, VerificationFinding::Failed).await.expect("recorded");
        assert_eq!(active(&stopped), [HoldReason::VerificationFailed]);
        assert_eq!(outcome(&stopped, contact), VerificationOutcome::Warned);
        let open = |it: &str| stopped.available_actions.iter().any(|action| action == it);
        assert!(open("UpdateOrder") && open("ReleaseHold") && !open("VerifyOrder"));
        let told = letter(&server, &fine.id, "ON_HOLD").await.body;
        assert!(told.contains("\n- Your contact details: "), "{told}");

        let request = pb::UpdateOrderRequest {
            order_id: fine.id.clone(),
            order: Some(changed("ann", |it| customer(it).email = "ann@example.org".to_owned())),
            update_mask: Some(prost_types::FieldMask { paths: vec!["customer".to_owned()] }),
            ..Default::default()
        };
        let right = server.orders.clone().update_order(by("clerk", request)).await.expect("put right");
        let right = right.into_inner().order.expect("the order");
        assert!(active(&right).is_empty());

        let blocked = placed(&server, draft("mallory", "V-1", 1)).await;
        assert_eq!(active(&blocked), [HoldReason::VerificationFailed]);
        let told = letter(&server, &blocked.id, "ON_HOLD").await.body;
        let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(told.contains("You do not need to do anything") && !told.contains("reply to this"), "{told}");
        every_law_holds(&server).await;
    }
);
