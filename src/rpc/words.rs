//! Words that the wire and the domain share: one line per enum, exhaustive both ways.

use crate::domain;
use crate::pb;

/// Maps an enum of the domain to its twin on the wire. A new word on either side stops the build.
macro_rules! same_words {
    ($($to:ident, $from:ident: $domain:ident = $wire:ident { $($word:ident = $twin:ident),+ $(,)? })+) => { $(
        pub(crate) fn $to(word: domain::$domain) -> i32 {
            let twin = match word { $(domain::$domain::$word => pb::$wire::$twin,)+ };
            twin.into()
        }

        /// `None` for UNSPECIFIED and for numbers that are no word.
        pub(crate) fn $from(number: i32) -> Option<domain::$domain> {
            match pb::$wire::try_from(number).ok()? {
                pb::$wire::Unspecified => None,
                $(pb::$wire::$twin => Some(domain::$domain::$word),)+
            }
        }
    )+ };
}
pub(crate) use same_words;

same_words! {
    channel, to_channel: Channel = Channel { Online = Online, Phone = Phone, InPerson = InPerson }
    service_level, to_service_level: ServiceLevel = ServiceLevel {
        Standard = Standard, Express = Express, Overnight = Overnight,
    }
}
