use std::fmt::Write as _;

use crate::{Setting, setting};

const INTRODUCTION: &str = "\
# Configuration

<!-- Made by `cargo run -p millwright-config --example write_reference`; edit the settings in crates/config instead. -->

Millwright runs without any of these. A setting is an environment variable; an empty one counts as absent. Where
`MILLWRIGHT_CONFIG` names a TOML file, settings may also stand there under the same names (`PORT = 9000`); the environment
wins. Every secret `X` can also be given as the path of a file in `X_FILE`. Everything that is wrong is reported at once when
Millwright starts, and a name that begins with `MILLWRIGHT_` but is no setting is refused.
";

pub(crate) fn render() -> String {
    let mut text = INTRODUCTION.to_owned();
    for section in setting::SECTIONS {
        let _ = write!(
            text,
            "\n## {}\n\n| name | default | accepted | meaning |\n| --- | --- | --- | --- |\n",
            section.title
        );
        for setting in section.settings {
            row(&mut text, setting);
        }
    }
    text
}

fn row(text: &mut String, Setting { name, default, accepts, secret, meaning }: &Setting) {
    let default = if default.is_empty() { "–".to_owned() } else { format!("`{default}`") };
    let secret = if *secret { format!(" **Secret**, also as `{name}_FILE`.") } else { String::new() };
    // Writing to a string cannot fail.
    let _ = writeln!(text, "| `{name}` | {default} | {accepts} | {meaning}{secret} |");
}
