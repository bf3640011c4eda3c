//! Made-up names, addresses, companies and places.

use std::collections::BTreeMap;

use super::{
    lists::{
        CITY_TAILS, CODAS, COMPOUND, EN_SUFFIX, GROUPS, HONORIFICS, JOBS, KNOWN_BODIES, MORE_CITIES, MORE_COUNTRIES,
        ONSETS, ORG_SUFFIX, ORG_TAILS, ORG_WORDS, PARTICLES, ROMANCE, SLAVIC_AFTER, SLAVIC_BEFORE, STATES,
        SURNAME_TAILS, TREES, UNITS, VOWELS,
    },
    random::Random,
};

/// Lists of given names, surnames, cities, street words and so on by country; origin in `data/README.md`.
const LISTS: &str = include_str!("../../data/values.tsv");

/// The lists, by kind and then locale.
pub(crate) struct Values {
    lists: BTreeMap<&'static str, Vec<(&'static str, Vec<&'static str>)>>,
}

impl Values {
    pub(crate) fn load() -> Self {
        let mut lists: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for line in LISTS.lines().filter(|line| !line.starts_with('#')) {
            let mut fields = line.split('\t');
            if let (Some(kind), Some(locale), Some(values)) = (fields.next(), fields.next(), fields.next()) {
                lists.entry(kind).or_default().push((locale, values.split('|').collect()));
            }
        }
        Self { lists }
    }

    /// Every value of a kind, for the lexicon.
    pub(crate) fn all(&self, kind: &str) -> impl Iterator<Item = &'static str> {
        let own: &[&str] = match kind {
            "city" => MORE_CITIES,
            "country" => MORE_COUNTRIES,
            "streetword" => EN_SUFFIX,
            "compound" => COMPOUND,
            "romance" => ROMANCE,
            "slavic" => SLAVIC_AFTER,
            "unit" => UNITS,
            "companysuffix" => ORG_SUFFIX,
            "companytail" => ORG_TAILS,
            "title" => HONORIFICS,
            "job" => JOBS,
            "group" => GROUPS,
            _ => &[],
        };
        let listed = self.lists.get(kind).into_iter().flatten().flat_map(|(_, values)| values.iter().copied());
        listed.chain(own.iter().copied())
    }

    fn listed(&self, random: &mut Random, kind: &str, locale: Option<&str>) -> &'static str {
        let lists = &self.lists[kind];
        let named = locale.and_then(|locale| lists.iter().find(|(name, _)| *name == locale));
        let (_, values) = named.unwrap_or_else(|| random.choose(lists));
        random.pick(values)
    }

    fn locale(&self, random: &mut Random) -> &'static str {
        if random.percent(45) {
            return random.pick(&["en_US", "en_US", "en_GB", "de_DE", "de_DE", "de_AT", "cs_CZ", "fr_FR"]);
        }
        random.choose(&self.lists["surname"]).0
    }

    pub(crate) fn given(&self, random: &mut Random) -> String {
        let locale = self.locale(random);
        self.given_of(random, locale)
    }

    fn given_of(&self, random: &mut Random, locale: &str) -> String {
        if random.percent(22) {
            syllables(random, 1, 3, &["", "", "a", "o", "e", "i"])
        } else {
            self.listed(random, "given", Some(locale)).to_owned()
        }
    }

    pub(crate) fn surname(&self, random: &mut Random) -> String {
        let locale = self.locale(random);
        self.surname_of(random, locale)
    }

    fn surname_of(&self, random: &mut Random, locale: &str) -> String {
        let name = if random.percent(35) {
            syllables(random, 1, 2, SURNAME_TAILS)
        } else {
            self.listed(random, "surname", Some(locale)).to_owned()
        };
        match random.below(100) {
            0..=1 => format!("O'{name}"),
            2..=3 => format!("Mc{name}"),
            4..=6 => format!("{} {name}", random.pick(PARTICLES)),
            7..=8 => format!("{name}-{}", self.listed(random, "surname", Some(locale))),
            _ => name,
        }
    }

    /// A name as people write it: mostly given name and surname.
    pub(crate) fn person(&self, random: &mut Random) -> String {
        let locale = self.locale(random);
        let (given, surname) = (self.given_of(random, locale), self.surname_of(random, locale));
        let initial = char::from(b'A' + random.below(26) as u8);
        match random.below(100) {
            0..=7 => format!("{given} {initial}. {surname}"),
            8..=12 => format!("{given} {initial} {surname}"),
            13..=17 => format!("{given} {} {surname}", self.given_of(random, locale)),
            18..=21 => format!("{given} {surname} {}", self.surname_of(random, locale)),
            22..=24 => format!("{initial}. {surname}"),
            25..=26 => format!("{given}-{} {surname}", self.given_of(random, locale)),
            _ => format!("{given} {surname}"),
        }
    }

    /// A name of one, two or three words, as the one that it replaces.
    pub(crate) fn person_like(&self, random: &mut Random, words: usize) -> String {
        match words {
            1 if random.percent(50) => self.given(random),
            1 => self.surname(random),
            _ => self.person(random),
        }
    }

    pub(crate) fn city(&self, random: &mut Random) -> String {
        let city = match random.below(100) {
            0..=34 => syllables(random, 1, 2, CITY_TAILS),
            35..=39 => format!(
                "{} {}",
                random.pick(&[
                    "Saint", "San", "Bad", "North", "New", "Port", "Villa", "Les", "Mount", "Great", "Santa", "Upper"
                ]),
                syllables(random, 1, 2, CITY_TAILS)
            ),
            40..=43 => format!(
                "{} {} {}",
                syllables(random, 1, 2, CITY_TAILS),
                random.pick(&["am", "de", "del", "an der", "sur", "nad", "upon", "di"]),
                syllables(random, 1, 2, &["", "a"])
            ),
            44..=55 => random.pick(MORE_CITIES).to_owned(),
            56..=60 => self.listed(random, "region", None).to_owned(),
            _ => self.listed(random, "city", None).to_owned(),
        };
        if city.starts_with(|c: char| c.is_ascii_digit()) {
            return random.pick(MORE_CITIES).to_owned();
        }
        if random.percent(15) { city.to_uppercase() } else { city }
    }

    pub(crate) fn country(&self, random: &mut Random) -> String {
        if random.percent(60) {
            random.pick(MORE_COUNTRIES).to_owned()
        } else {
            self.listed(random, "country", None).to_owned()
        }
    }

    pub(crate) fn number(random: &mut Random) -> String {
        let digits = random.between(1, 5);
        (0..digits).map(|_| char::from(b'0' + random.below(10) as u8)).collect()
    }

    pub(crate) fn zip(random: &mut Random) -> String {
        match random.below(13) {
            10 => format!("{:04}-{:03}", random.below(9_999), random.below(999)),
            11 => format!("{:04} {}", random.below(9_999), random.pick(&["AB", "CD", "GK", "LX", "NV", "RT", "VW"])),
            12 => format!("{:03}", random.below(999)),
            0..=4 => format!("{:05}", random.below(99_999)),
            5..=6 => format!("{:04}", random.below(9_999)),
            7 => format!("{:03} {:02}", random.below(999), random.below(99)),
            8 => format!(
                "{}{} {}{}",
                random.pick(&["SW", "N", "EC", "M", "LS", "K", "B"]),
                random.below(20),
                random.below(9),
                random.pick(&["AA", "BX", "QT", "HJ"])
            ),
            _ => format!("{:05}-{:04}", random.below(99_999), random.below(9_999)),
        }
    }

    pub(crate) fn unit(random: &mut Random) -> String {
        format!("{} {:03}", random.pick(UNITS), random.between(1, 999))
    }

    /// A street with or without a number.
    pub(crate) fn street(&self, random: &mut Random) -> String {
        let house = match random.below(10) {
            0 => format!("{}{}", random.between(1, 199), random.pick(&["a", "b", "A", "c", "/2", "-3", "/114"])),
            _ => random.between(1, 320).to_string(),
        };
        let name = match random.below(4) {
            0 => syllables(random, 1, 2, SURNAME_TAILS),
            1 => self.listed(random, "surname", None).to_owned(),
            2 => self.listed(random, "city", None).trim_start_matches(|c: char| c.is_ascii_digit()).to_owned(),
            _ => self.listed(random, "street", None).to_owned(),
        };
        match random.below(14) {
            0..=3 => {
                let name = if random.percent(50) { random.pick(TREES).to_owned() } else { name };
                format!("{house} {name} {}", random.pick(EN_SUFFIX))
            }
            4 => format!("{} {}", random.pick(TREES), random.pick(EN_SUFFIX)),
            5..=7 => format!("{}{} {house}", name.trim_end_matches(['s', 'e']), random.pick(COMPOUND)),
            8 => format!(
                "{}-{} {house}",
                name.replace(' ', "-"),
                random.pick(&["Straße", "Str.", "Weg", "Platz", "Ring", "Allee"])
            ),
            9 => format!("{} {name}{} {house}", random.pick(ROMANCE), if random.percent(20) { "," } else { "" }),
            10 => format!("{house}{} {} {name}", random.pick(&["", ",", " bis"]), random.pick(ROMANCE)),
            11 => format!("{} {name} {house}", random.pick(SLAVIC_BEFORE)),
            12 => format!("{name} {} {house}{}", random.pick(SLAVIC_AFTER), random.pick(&["", "."])),
            _ => format!("{name} {house}"),
        }
    }

    fn military(&self, random: &mut Random) -> String {
        let first = match random.below(3) {
            0 => format!("PSC {:04}, Box {:04}", random.below(9_999), random.below(9_999)),
            1 => format!("Unit {:04} Box {:04}", random.below(9_999), random.below(9_999)),
            _ => format!("{} {}", random.pick(&["USNS", "USCGC", "USS", "USNV"]), self.surname(random)),
        };
        let post = random.pick(&["APO", "DPO", "FPO"]);
        format!("{first}\n{post} {} {:05}", random.pick(&["AA", "AE", "AP"]), random.below(99_999))
    }

    /// A whole address, on one line or several.
    pub(crate) fn address(&self, random: &mut Random) -> String {
        let (street, city, country) = (self.street(random), self.city(random), self.country(random));
        let (zip, unit, state, number) =
            (Self::zip(random), Self::unit(random), random.pick(STATES), Self::number(random));
        let gap = random.pick(&[", ", ", ", "\n", " ", "\n ", " \n", ",\n"]);
        match random.below(16) {
            0..=1 => street,
            2 => format!("{number} {street} {unit}\n{city}\n, {state}\n {zip}"),
            3 => format!("{number} {street}\n {unit}\n {city}\n {country} {zip}"),
            4 => format!("{street}{gap}{zip} {city}"),
            5 => format!("{street}{gap}{zip} {city}{gap}{country}"),
            6 => format!("{street}{gap}{city}{gap}{state} {zip}"),
            7 => format!("{number} {street} {unit}{gap}{city}, {country}"),
            8 => format!("{street} {unit}, {city} {zip}"),
            9 => format!("{number} {street} {unit} {city} {state}"),
            10 => format!("{street}{gap}{city}{gap}{country}"),
            11 => format!("P.O. Box {}{gap}{city} {zip}", random.between(1, 9_999)),
            12 if random.percent(60) => self.military(random),
            12 => format!("the corner of {street} and {}", self.street(random)),
            13 => format!("{street}{gap}{}-{zip} {city}", random.pick(&["D", "A", "CH", "DE", "CZ", "PL", "F", "I"])),
            14 => format!("{number} {street} {unit}{gap}{city}, {state} {zip}"),
            _ => format!("{street}, {city}"),
        }
    }

    /// An address of the same make as `old`.
    pub(crate) fn address_like(&self, random: &mut Random, old: &str) -> String {
        let has = |words: &[&str]| words.iter().any(|word| old.to_uppercase().contains(word));
        let words = old.split_whitespace().count();
        if old.chars().all(|c| c.is_ascii_digit()) {
            return if random.percent(50) { Self::number(random) } else { Self::zip(random) };
        }
        if has(&["APO ", "DPO ", "FPO "]) {
            return self.military(random);
        }
        if old.starts_with("the corner") {
            return format!("the corner of {} and {}", self.street(random), self.street(random));
        }
        if words == 2 && has(&["APT", "SUITE"]) {
            return Self::unit(random);
        }
        if words <= 4 && !old.contains(['\n', ',']) {
            return self.street(random);
        }
        let mut fresh = self.address(random);
        while fresh.split_whitespace().count() < 4 || fresh.starts_with("the corner") {
            fresh = self.address(random);
        }
        if old.contains('\n') { fresh } else { fresh.replace('\n', " ") }
    }

    pub(crate) fn organisation(&self, random: &mut Random) -> String {
        let surname = |random: &mut Random| self.listed(random, "surname", None).to_owned();
        match random.below(17) {
            14..=15 => random.pick(KNOWN_BODIES).to_owned(),
            0 => format!("{}, {} and {}", surname(random), surname(random), surname(random)),
            1 => format!(
                "{} {}",
                surname(random),
                random.pick(&["Inc", "Ltd", "LLC", "Inc.", "Ltd.", "Group", "PLC", "and Sons"])
            ),
            2 => format!("{}-{}", surname(random), surname(random)),
            3 => format!("{} {} {}", surname(random), random.pick(&["&", "and", "und", "&"]), surname(random)),
            4 => format!("{} {}", self.given(random), random.pick(ORG_TAILS)),
            5..=6 => format!(
                "{} {}",
                syllables(random, 1, 3, &["", "ex", "ia", "tec", "soft", "on", "ity"]),
                random.pick(ORG_SUFFIX)
            ),
            7 => syllables(random, 2, 3, &["", "ex", "ia", "tec", "soft", "on", "ity"]),
            8 => format!("{} {}", random.pick(ORG_WORDS), random.pick(ORG_TAILS)),
            9 => format!("{} {} {}", random.pick(ORG_WORDS), random.pick(ORG_TAILS), random.pick(ORG_SUFFIX)),
            10 => format!("{}{}", random.pick(ORG_WORDS), random.pick(ORG_WORDS).to_lowercase()),
            11 => format!("{} {}", random.pick(ORG_WORDS), random.pick(ORG_WORDS)),
            12 => format!(
                "{} {} {}",
                self.city(random),
                random.pick(&[
                    "University",
                    "Hospital",
                    "Bank",
                    "Football Club",
                    "Stahlwerke",
                    "Chamber of Commerce",
                    "Institute"
                ]),
                ""
            )
            .trim()
            .to_owned(),
            _ => format!("{} {}", self.surname(random), random.pick(ORG_SUFFIX)),
        }
    }

    pub(crate) fn honorific(random: &mut Random) -> &'static str {
        random.pick(HONORIFICS)
    }

    pub(crate) fn job(&self, random: &mut Random) -> String {
        let job = if random.percent(60) { random.pick(JOBS) } else { self.listed(random, "job", Some("de_DE")) };
        job.split(',').next().unwrap_or(job).to_owned()
    }

    pub(crate) fn group(random: &mut Random) -> &'static str {
        random.pick(GROUPS)
    }
}

/// A word that nobody has seen, with a capital.
pub(crate) fn syllables(random: &mut Random, low: usize, high: usize, tails: &[&str]) -> String {
    let mut word = String::new();
    for _ in 0..random.between(low, high) {
        word.push_str(random.pick(ONSETS));
        word.push_str(random.pick(VOWELS));
        if random.percent(45) {
            word.push_str(random.pick(CODAS));
        }
    }
    word.push_str(random.pick(tails));
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
