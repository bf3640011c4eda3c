//! Keeps unixODBC out of what the linker asks for. `odbc-sys` wants `-lodbc`; this puts an empty archive of that name
//! first among the folders that are searched, and `src/manager/symbols.rs` defines the functions, which find the real
//! ones when they are first called. So the binary is built and started on machines without unixODBC.

use std::path::Path;
use std::{env, fs};

#[expect(clippy::disallowed_methods, reason = "cargo tells build scripts by the environment")]
fn main() -> std::io::Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    let Some(folder) = env::var_os("OUT_DIR") else { return Ok(()) };
    fs::write(Path::new(&folder).join("libodbc.a"), "!<arch>\n")?;
    println!("cargo:rustc-link-search=native={}", Path::new(&folder).display());
    Ok(())
}
