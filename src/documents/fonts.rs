//! The fonts that are shipped, and which of them has a character. Sources and licences are in `assets/fonts/README.md`.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use harfrust::{
    Direction, GlyphBuffer, Script, ShapeOptions, ShapePlan, Shaper, ShaperData, UnicodeBuffer, script,
};
use krilla::text::Font;
use skrifa::charmap::Charmap;
use skrifa::metrics::Metrics;
use skrifa::prelude::{LocationRef, Size};
use skrifa::{FontRef, MetadataProvider};

/// Headings are bold where the script has a bold font here: Latin, Greek and Cyrillic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    Regular,
    Bold,
}

/// Index of a font in [`FILES`].
pub(super) type FaceId = usize;

pub(super) struct Face {
    pub embedded: Font,
    pub font: FontRef<'static>,
    shaping: ShaperData,
    pub units_per_em: f32,
    /// From the highest letter to the lowest, as a part of the size.
    pub height: f32,
    charmap: Charmap<'static>,
    /// How text of each script and direction is shaped, as far as it was asked for.
    plans: Mutex<Vec<Arc<ShapePlan>>>,
}

impl Face {
    fn new(file: &'static [u8]) -> Self {
        let font = FontRef::new(file).expect("a test reads every font that is shipped");
        let metrics = Metrics::new(&font, Size::unscaled(), LocationRef::default());
        let units_per_em = f32::from(metrics.units_per_em);
        Self {
            embedded: Font::new(file.into(), 0).expect("a test reads every font that is shipped"),
            shaping: ShaperData::new(&font),
            units_per_em,
            height: (metrics.ascent - metrics.descent) / units_per_em,
            charmap: font.charmap(),
            plans: Mutex::default(),
            font,
        }
    }

    /// Shapes text whose script and direction are known.
    pub fn shaped(&self, buffer: UnicodeBuffer) -> GlyphBuffer {
        let shaper = self.shaping.shaper(&self.font).build();
        let script = Some(buffer.script()).filter(|it| *it != script::UNKNOWN);
        let plan = self.plan(&shaper, buffer.direction(), script);
        shaper.shape(buffer, ShapeOptions::new().plan(Some(&plan)))
    }

    /// Making a plan takes longer than shaping a word by it.
    fn plan(&self, shaper: &Shaper<'_>, direction: Direction, script: Option<Script>) -> Arc<ShapePlan> {
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        let known = plans.iter().find(|it| it.direction() == direction && it.script() == script);
        if let Some(plan) = known {
            return plan.clone();
        }
        let plan = Arc::new(ShapePlan::new(shaper, direction, script, None, &[]));
        plans.push(plan.clone());
        plan
    }

    pub fn has(&self, it: char) -> bool {
        self.charmap.map(it).is_some()
    }
}

pub(super) fn face(id: FaceId) -> &'static Face {
    &FACES[id]
}

/// The first font that has the character.
pub(super) fn with(it: char, weight: Weight) -> Option<FaceId> {
    let skipped = match weight {
        Weight::Regular => BOLD,
        Weight::Bold => REGULAR,
    };
    (0..FILES.len()).filter(|id| *id != skipped).find(|id| FACES[*id].has(it))
}

/// Bold if all of the text can be: a line in two weights is a riddle.
pub(super) fn bold_if_whole(text: &str) -> Weight {
    let is_bold = |it: char| it.is_whitespace() || FACES[BOLD].has(it);
    if text.chars().all(is_bold) { Weight::Bold } else { Weight::Regular }
}

static FACES: LazyLock<Vec<Face>> = LazyLock::new(|| FILES.iter().map(|it| Face::new(it)).collect());

const REGULAR: FaceId = 0;

const BOLD: FaceId = 1;

macro_rules! font {
    ($name:literal) => {
        include_bytes!(concat!("../../assets/fonts/", $name, ".ttf"))
    };
}

/// How many there are.
#[cfg(test)]
pub(super) const COUNT: usize = FILES.len();

/// In the order in which they are asked for a character.
static FILES: &[&[u8]] = &[
    font!("NotoSans-Regular"),
    font!("NotoSans-Bold"),
    font!("NotoSansArabic-Regular"),
    font!("NotoSansHebrew-Regular"),
    font!("NotoSansThai-Regular"),
    font!("NotoSansDevanagari-Regular"),
    font!("NotoSansBengali-Regular"),
    font!("NotoSansGurmukhi-Regular"),
    font!("NotoSansGujarati-Regular"),
    font!("NotoSansOriya-Regular"),
    font!("NotoSansTamil-Regular"),
    font!("NotoSansTelugu-Regular"),
    font!("NotoSansKannada-Regular"),
    font!("NotoSansMalayalam-Regular"),
    font!("NotoSansSinhala-Regular"),
    font!("NotoSansArmenian-Regular"),
    font!("NotoSansGeorgian-Regular"),
    font!("NotoSansEthiopic-Regular"),
    font!("NotoSansKhmer-Regular"),
    font!("NotoSansLao-Regular"),
    font!("NotoSansMyanmar-Regular"),
    font!("NotoSansThaana-Regular"),
    font!("NotoSansTifinagh-Regular"),
    font!("NotoSansCanadianAboriginal-Regular"),
    font!("WenQuanYiMicroHei-Subset"),
];
