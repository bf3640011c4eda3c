use std::{collections::BTreeMap, collections::BTreeSet, fmt, fs, ops::RangeInclusive, str::FromStr};

use crate::{ConfigError, ConfigProblem, Secret, Setting, Surroundings, setting};

/// Names with this beginning are ours, so that an unknown one is a mistake.
const OUR_PREFIX: &str = "MILLWRIGHT_";
/// Variables of the test suite: known, but no settings of the product.
const TEST_PREFIX: &str = "MILLWRIGHT_TEST_";
/// No secret is longer; keeps a mistaken path from filling the memory.
const MAX_SECRET_FILE_BYTES: u64 = 64 * 1024;

/// Reads settings one by one and collects what is wrong with them.
pub(crate) struct Reader<'s> {
    surroundings: &'s Surroundings,
    file: BTreeMap<String, String>,
    problems: Vec<ConfigProblem>,
    asked: BTreeSet<&'static str>,
}

impl<'s> Reader<'s> {
    pub(crate) fn new(surroundings: &'s Surroundings) -> Self {
        let mut reader = Self { surroundings, file: BTreeMap::new(), problems: Vec::new(), asked: BTreeSet::new() };
        reader.read_file();
        reader.refuse_unknown_names();
        reader
    }

    pub(crate) fn problem(&mut self, name: &str, message: impl Into<String>) {
        self.problems.push(ConfigProblem { name: name.to_owned(), message: message.into() });
    }

    /// Whether something is already wrong with it.
    pub(crate) fn refused(&self, name: &str) -> bool {
        self.problems.iter().any(|problem| problem.name == name || problem.name.strip_suffix("_FILE") == Some(name))
    }

    /// Whether somebody has set it, to whatever.
    pub(crate) fn is_given(&self, setting: &Setting) -> bool {
        let file = setting.secret.then(|| format!("{}_FILE", setting.name));
        self.plain(setting.name).is_some() || file.is_some_and(|name| self.plain(&name).is_some())
    }

    pub(crate) fn surroundings(&self) -> &'s Surroundings {
        self.surroundings
    }

    /// The value as it was written, or the default, or nothing.
    pub(crate) fn text(&mut self, setting: &Setting) -> Option<String> {
        let given = self.given(setting);
        given.or_else(|| Some(setting.default.to_owned()).filter(|default| !default.is_empty()))
    }

    /// The value, or the default, in another form; what `parse` refuses is a problem.
    pub(crate) fn parsed<T>(&mut self, setting: &Setting, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let text = self.text(setting)?;
        if let Some(value) = parse(text.trim()) {
            return Some(value);
        }
        let given = if setting.secret { "something else".to_owned() } else { format!("`{text}`") };
        self.problem(setting.name, format!("given is {given}, accepted is {}", setting.accepts));
        // Goes on with the default, so that one mistake does not look like several.
        parse(setting.default)
    }

    /// A whole number within a range. The lowest stands in for one that is refused.
    pub(crate) fn number<T>(&mut self, setting: &Setting, range: RangeInclusive<T>) -> T
    where
        T: FromStr + PartialOrd + Copy,
    {
        let parse = |text: &str| text.parse().ok().filter(|number| range.contains(number));
        self.parsed(setting, parse).unwrap_or(*range.start())
    }

    /// One of a few words. The first stands in for one that is refused.
    pub(crate) fn choice<T: Copy>(&mut self, setting: &Setting, words: &[(&str, T)]) -> T {
        let parse = |text: &str| words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        self.parsed(setting, parse).unwrap_or(words[0].1)
    }

    /// A secret, given directly or as a file.
    pub(crate) fn secret(&mut self, setting: &Setting) -> Option<Secret> {
        self.text(setting).map(Secret::new)
    }

    /// All problems, once every section has been read.
    pub(crate) fn finish(self) -> Result<(), ConfigError> {
        debug_assert!(
            setting::all().all(|setting| self.asked.contains(setting.name)),
            "a setting of the reference is never read"
        );
        if self.problems.is_empty() { Ok(()) } else { Err(ConfigError::Invalid(self.problems)) }
    }

    fn given(&mut self, setting: &Setting) -> Option<String> {
        self.asked.insert(setting.name);
        if !setting.secret {
            return self.plain(setting.name);
        }
        let file_name = format!("{}_FILE", setting.name);
        match (self.plain(setting.name), self.plain(&file_name)) {
            (Some(_), Some(_)) => {
                self.problem(setting.name, format!("it is given twice, here and in `{file_name}`; keep one"));
                None
            }
            (given, None) => given,
            (None, Some(path)) => self.secret_file(&file_name, &path),
        }
    }

    fn plain(&self, name: &str) -> Option<String> {
        self.surroundings.get(name).map(str::to_owned).or_else(|| self.file.get(name).cloned())
    }

    fn secret_file(&mut self, name: &str, path: &str) -> Option<String> {
        secret_in_file(path).map_err(|e| self.problem(name, format!("`{path}` cannot be used: {e}"))).ok()
    }

    fn read_file(&mut self) {
        let name = setting::CONFIG_FILE.name;
        let Some(path) = self.surroundings.get(name) else { return };
        let table = fs::read_to_string(path)
            .map_err(|e| e.to_string())
            .and_then(|text| text.parse::<toml::Table>().map_err(|e| place_and_message(&text, &e)));
        let table = match table {
            Ok(table) => table,
            Err(e) => return self.problem(name, format!("`{path}` cannot be read: {e}")),
        };
        for (key, value) in table {
            if !is_setting(&key) {
                self.problem(&key, format!("`{path}` has it, but there is no such setting"));
            } else if let Some(text) = as_text(&value) {
                self.file.insert(key, text);
            } else {
                self.problem(&key, format!("in `{path}` it must be a text, a number, true, false or a list of texts"));
            }
        }
    }

    fn refuse_unknown_names(&mut self) {
        let known = |name: &str| name == setting::CONFIG_FILE.name || name.starts_with(TEST_PREFIX) || is_setting(name);
        let unknown = self.surroundings.names().filter(|name| name.starts_with(OUR_PREFIX) && !known(name));
        for name in unknown.collect::<Vec<_>>() {
            self.problem(name, "there is no such setting");
        }
    }
}

impl fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("problems", &self.problems).finish_non_exhaustive()
    }
}

/// The text of a file that holds one secret, without the line end; or why it cannot be used.
pub(crate) fn secret_in_file(path: &str) -> Result<String, String> {
    let size = fs::metadata(path).map_err(|e| e.to_string())?.len();
    if size > MAX_SECRET_FILE_BYTES {
        return Err(format!("it has {size} bytes, more than any secret"));
    }
    let text = fs::read_to_string(path).map_err(|e| e.to_string())?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() { Err("it is empty".to_owned()) } else { Ok(text.to_owned()) }
}

/// Without the line's text, in which a secret may stand.
pub(crate) fn place_and_message(text: &str, error: &toml::de::Error) -> String {
    let start = error.span().map_or(0, |span| span.start);
    let line = 1 + text.bytes().take(start).filter(|b| *b == b'\n').count();
    format!("line {line}: {}", error.message())
}

fn is_setting(name: &str) -> bool {
    setting::all()
        .any(|setting| setting.name == name || (setting.secret && name.strip_suffix("_FILE") == Some(setting.name)))
}

fn as_text(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(yes) => Some(yes.to_string()),
        toml::Value::Array(items) => {
            items.iter().map(toml::Value::as_str).collect::<Option<Vec<_>>>().map(|texts| texts.join(","))
        }
        toml::Value::Float(_) | toml::Value::Datetime(_) | toml::Value::Table(_) => None,
    }
}
