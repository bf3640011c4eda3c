use std::time::Duration;

use crate::{Setting, reader::Reader};

const GATEWAY_CACHE_ENTRIES: Setting = Setting {
    name: "GATEWAY_CACHE_ENTRIES",
    default: "0",
    accepts: "a whole number from 0 to 1000000",
    secret: false,
    meaning: "So many whole answers of the OpenAI API are remembered in memory, for requests that are equal in tenant, \
              what the person may see, label, model and every word. `0` remembers none.",
};
const GATEWAY_CACHE_SECONDS: Setting = Setting {
    name: "GATEWAY_CACHE_SECONDS",
    default: "300",
    accepts: "a whole number from 1 to 86400",
    secret: false,
    meaning: "How long such an answer is remembered.",
};
const GATEWAY_EQUAL_REQUESTS_PER_MINUTE: Setting = Setting {
    name: "GATEWAY_EQUAL_REQUESTS_PER_MINUTE",
    default: "30",
    accepts: "a whole number from 0 to 1000000",
    secret: false,
    meaning: "How often a caller may send the same words within a minute over the OpenAI API before it is taken for a loop that \
              does not end. `0` for no limit.",
};

pub(crate) const SETTINGS: &[Setting] =
    &[GATEWAY_CACHE_ENTRIES, GATEWAY_CACHE_SECONDS, GATEWAY_EQUAL_REQUESTS_PER_MINUTE];

/// The way to models.
#[derive(Debug, Clone, Copy)]
pub struct GatewayConfig {
    /// How many answers are remembered and for how long.
    pub cache: Option<(u64, Duration)>,
    /// How often the same words may come within a minute; 0 for no limit.
    pub equal_requests_per_minute: u32,
}

impl GatewayConfig {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        let entries: u64 = reader.number(&GATEWAY_CACHE_ENTRIES, 0..=1_000_000);
        let life = Duration::from_secs(reader.number(&GATEWAY_CACHE_SECONDS, 1..=86_400));
        Self {
            cache: (entries > 0).then_some((entries, life)),
            equal_requests_per_minute: reader.number(&GATEWAY_EQUAL_REQUESTS_PER_MINUTE, 0..=1_000_000),
        }
    }
}
