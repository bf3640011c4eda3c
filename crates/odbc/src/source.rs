use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{Credential, OdbcError};

/// Where a database is, as somebody writes it down. No credential.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceSettings {
    /// The driver's name in `odbcinst.ini`. A path only where the operator allows it.
    pub driver: String,
    /// Host name or address; none for a file.
    #[serde(default)]
    pub server: Option<String>,
    /// Its port; the driver's own if none.
    #[serde(default)]
    pub port: Option<u16>,
    /// The database's name, or the file's path.
    pub database: String,
    /// More for the driver, such as `SSLmode`.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
}

/// What the operator allows beyond what everybody may set.
#[derive(Debug, Clone, Default)]
pub struct SourcePolicy {
    /// Drivers by path. Loading one runs its code.
    pub driver_paths: Vec<String>,
    /// Options beside [`SAFE_OPTIONS`].
    pub options: Vec<String>,
}

/// Why settings are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A driver that is no name.
    #[error("`driver` is a name from `odbcinst.ini`, not a path")]
    Driver,
    /// No value, or one with a character that parts or quotes keys.
    #[error("`{0}` is empty, too long, or holds one of `;`, `{{`, `}}` and control characters")]
    Value(String),
    /// An option that is not known to be harmless.
    #[error("the option `{0}` is not among those that may be set")]
    Option(String),
}

/// Options that everybody may set: they say how the connection is encrypted.
pub const SAFE_OPTIONS: &[&str] = &[
    "sslmode",
    "sslca",
    "sslverify",
    "forcetls",
    "tlsversion",
    "encrypt",
    "trustservercertificate",
    "hostnameincertificate",
    "applicationintent",
    "multisubnetfailover",
];

/// Options that nobody may set: they are set from elsewhere, or name a file that is read, written or run, or statements
/// that would be carried out unseen.
const FORBIDDEN_OPTIONS: &[&str] = &[
    "dsn",
    "filedsn",
    "savefile",
    "driver",
    "uid",
    "user",
    "username",
    "pwd",
    "password",
    "server",
    "servername",
    "host",
    "hostname",
    "port",
    "database",
    "db",
    "socket",
    "loadext",
    "initstmt",
    "stmt",
    "connsettings",
    "pqopt",
    "plugindir",
    "plugin_dir",
    "use_mycnf",
    "option",
    "options",
    "translationdll",
    "translationname",
    "trace",
    "tracefile",
    "debug",
    "commlog",
    "logdir",
    "usedeclarefetch",
    "fetch",
    "boolsaschar",
    "readonly",
    "stepapi",
    "nocreat",
    "accesstoken",
];

/// Whose driver it is, by its name: drivers of one ODBC want different things said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Postgres,
    MariaDb,
    Sqlite,
    Other,
}

/// Checked settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    settings: SourceSettings,
    family: Family,
}

impl Source {
    /// Checks what somebody wrote down.
    ///
    /// # Errors
    /// [`SettingsError`], naming the key.
    pub fn new(settings: SourceSettings, policy: &SourcePolicy) -> Result<Self, SettingsError> {
        let path = settings.driver.contains(['/', '\\']);
        if path && !policy.driver_paths.contains(&settings.driver) {
            return Err(SettingsError::Driver);
        }
        plain("driver", &settings.driver)?;
        plain("database", &settings.database)?;
        if let Some(server) = &settings.server {
            plain("server", server)?;
        }
        for (key, value) in &settings.options {
            let lower = key.to_ascii_lowercase();
            let allowed = SAFE_OPTIONS.contains(&lower.as_str())
                || policy.options.iter().any(|option| option.eq_ignore_ascii_case(key));
            let twice = settings.options.keys().filter(|other| other.eq_ignore_ascii_case(key)).count() > 1;
            if !allowed || twice || FORBIDDEN_OPTIONS.contains(&lower.as_str()) || !is_key(key) {
                return Err(SettingsError::Option(key.clone()));
            }
            plain(key, value)?;
        }
        let family = family(&settings.driver);
        Ok(Self { settings, family })
    }

    /// The driver's name.
    pub fn driver(&self) -> &str {
        &self.settings.driver
    }

    /// Whether the driver is handed text as bytes of UTF-8: the one for SQLite knows no UTF-16 on most systems, and the driver
    /// manager would make Latin-1 of it.
    pub(crate) fn is_file(&self) -> bool {
        self.family == Family::Sqlite
    }

    pub(crate) fn connection_string(&self, credential: &Credential) -> Result<Zeroizing<String>, OdbcError> {
        let settings = &self.settings;
        let mut all = Zeroizing::new(String::with_capacity(1024));
        let mut add = |key: &str, value: &str| {
            all.push_str(key);
            all.push('=');
            all.push_str(value);
            all.push(';');
        };
        // A name is looked up in odbcinst.ini only in braces.
        add("DRIVER", &format!("{{{}}}", settings.driver));
        if let Some(server) = &settings.server {
            add("SERVER", server);
        }
        if let Some(port) = settings.port {
            add("PORT", &port.to_string());
        }
        add("DATABASE", &settings.database);
        if !credential.user().is_empty() {
            add("UID", &quoted(credential.user())?);
        }
        if !credential.password().is_empty() {
            add("PWD", &quoted(credential.password())?);
        }
        for (key, value) in self.family.options() {
            add(key, value);
        }
        for (key, value) in &settings.options {
            add(key, value);
        }
        Ok(all)
    }
}

/// As many characters as the driver says of a text without a declared length. It cuts nothing: limits of a query do.
const UNDECLARED: &str = "16777216";

impl Family {
    const fn options(self) -> &'static [(&'static str, &'static str)] {
        match self {
            // A cursor at the server, instead of all rows in memory; truth values and long texts as what they are.
            Self::Postgres => &[
                ("UseDeclareFetch", "1"),
                ("Fetch", "1000"),
                ("UseServerSidePrepare", "1"),
                ("BoolsAsChar", "0"),
                ("TextAsLongVarchar", "1"),
                ("UnknownsAsLongVarchar", "1"),
                ("ByteaAsLongVarBinary", "1"),
                ("MaxVarcharSize", UNDECLARED),
                ("MaxLongVarcharSize", UNDECLARED),
                ("LFConversion", "0"),
                ("Protocol", "7.4-0"),
            ],
            // Rows as they come (1048576), which only a forward cursor (2097152) can.
            Self::MariaDb => &[("CHARSET", "utf8mb4"), ("OPTION", "3145728")],
            // Rows as they come; no file made for a path that is wrong; no extension loaded.
            Self::Sqlite => &[("StepAPI", "1"), ("NoCreat", "1"), ("BigInt", "1"), ("Timeout", "5000")],
            Self::Other => &[],
        }
    }
}

fn family(driver: &str) -> Family {
    let lower = driver.to_ascii_lowercase();
    let named = |parts: &[&str]| parts.iter().any(|part| lower.contains(part));
    if named(&["postgres", "psqlodbc"]) {
        Family::Postgres
    } else if named(&["maria", "maodbc"]) {
        Family::MariaDb
    } else if named(&["sqlite"]) {
        Family::Sqlite
    } else {
        Family::Other
    }
}

fn is_key(key: &str) -> bool {
    (1..=64).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// A value that needs no quoting, because not every driver understands it.
fn plain(key: &str, value: &str) -> Result<(), SettingsError> {
    let fits = (1..=1024).contains(&value.len())
        && value.trim() == value
        && !value.chars().any(|character| character.is_control() || matches!(character, ';' | '{' | '}'));
    fits.then_some(()).ok_or_else(|| SettingsError::Value(key.to_owned()))
}

/// A user or password, in braces where it needs them. One with both `;` and `}` is refused: a driver that ends at the first
/// `}` would take the rest for keys of its own.
fn quoted(value: &str) -> Result<Zeroizing<String>, OdbcError> {
    if value.chars().any(char::is_control) || (value.contains(';') && value.contains('}')) {
        return Err(OdbcError::PasswordUnfit);
    }
    let bare = value.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'@'));
    let doubled = Zeroizing::new(value.replace('}', "}}"));
    Ok(Zeroizing::new(if bare { value.to_owned() } else { format!("{{{}}}", *doubled) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> SourceSettings {
        SourceSettings {
            driver: "PostgreSQL Unicode".to_owned(),
            server: Some("mes.example".to_owned()),
            port: Some(5432),
            database: "mes".to_owned(),
            options: BTreeMap::from([("SSLmode".to_owned(), "require".to_owned())]),
        }
    }

    fn refused(change: impl FnOnce(&mut SourceSettings)) -> SettingsError {
        let mut settings = settings();
        change(&mut settings);
        Source::new(settings, &SourcePolicy::default()).expect_err("refused")
    }

    #[test]
    fn a_value_never_adds_a_key() {
        for value in ["a;UID=x", "{a}", "a}", "a\nb", "", " a", "a\0"] {
            assert_eq!(
                refused(|settings| settings.database = value.to_owned()),
                SettingsError::Value("database".to_owned())
            );
            assert_eq!(
                refused(|settings| settings.server = Some(value.to_owned())),
                SettingsError::Value("server".to_owned())
            );
            let wrong = refused(|settings| _ = settings.options.insert("SSLmode".to_owned(), value.to_owned()));
            assert_eq!(wrong, SettingsError::Value("SSLmode".to_owned()));
        }
        assert_eq!(refused(|settings| settings.driver = "/tmp/evil.so".to_owned()), SettingsError::Driver);
    }

    #[test]
    fn options_that_read_files_or_run_statements_are_refused_whoever_asks() {
        let policy = SourcePolicy {
            options: vec!["FILEDSN".to_owned(), "Application_Name".to_owned()],
            ..SourcePolicy::default()
        };
        for key in
            ["FILEDSN", "FileDsn", "SAVEFILE", "LoadExt", "INITSTMT", "ConnSettings", "pqopt", "PWD", "A=B", "Unknown"]
        {
            let mut settings = settings();
            settings.options.insert(key.to_owned(), "x".to_owned());
            assert_eq!(Source::new(settings, &policy), Err(SettingsError::Option(key.to_owned())));
        }
        let mut settings = settings();
        settings.options.insert("application_name".to_owned(), "x".to_owned());
        assert!(Source::new(settings, &policy).is_ok());
    }

    #[test]
    fn the_string_names_each_key_once_and_quotes_the_password() {
        let source = Source::new(settings(), &SourcePolicy::default()).expect("source");
        let credential = Credential::new("reader", "a;b=c d+é");
        let string = source.connection_string(&credential).expect("string");
        assert!(string.starts_with(
            "DRIVER={PostgreSQL Unicode};SERVER=mes.example;PORT=5432;DATABASE=mes;UID=reader;PWD={a;b=c d+é};"
        ));
        assert!(string.ends_with("SSLmode=require;"), "{}", *string);
        assert!(!format!("{source:?}{credential:?}").contains("a;b"));
        let quoted = source.connection_string(&Credential::new("u", "a}b")).expect("string");
        assert!(quoted.contains("PWD={a}}b};"));
        let both = source.connection_string(&Credential::new("u", "a};UID=root;x={"));
        assert_eq!(both.expect_err("refused"), OdbcError::PasswordUnfit);
    }
}
