use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::{PolicyFileError, ResourceSandbox};

/// A sandbox, ready to be asked.
#[derive(Debug, Clone)]
pub struct Sandbox {
    read: GlobSet,
    write: GlobSet,
    deny: GlobSet,
    domains: Vec<String>,
    denied_domains: Vec<String>,
}

/// Why something is outside the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SandboxDenial {
    /// The path is absolute, climbs out, or is not plain.
    #[error("expected a plain relative path without `..`")]
    Path,
    /// What is asked for is no host name.
    #[error("expected a host name or an address")]
    Host,
    /// It is listed as denied.
    #[error("it is listed as denied")]
    Denied,
    /// It is not listed.
    #[error("it is not listed as allowed")]
    NotListed,
}

impl Sandbox {
    /// Compiles the globs. Each that makes no sense comes back with its path.
    pub fn new(rules: &ResourceSandbox) -> Result<Self, Vec<PolicyFileError>> {
        let mut errors = Vec::new();
        let mut globs = |name: &str, patterns: &[String], any_case: bool| {
            let mut set = GlobSetBuilder::new();
            for (number, pattern) in patterns.iter().enumerate() {
                let path = format!("resource_sandbox.files.{name}[{number}]");
                if pattern.is_empty() || pattern.starts_with('/') || pattern.split('/').any(|part| part == "..") {
                    errors.push(PolicyFileError::at(&path, SandboxDenial::Path.to_string()));
                    continue;
                }
                match GlobBuilder::new(pattern).literal_separator(true).case_insensitive(any_case).build() {
                    Ok(glob) => drop(set.add(glob)),
                    Err(fault) => errors.push(PolicyFileError::at(&path, fault.kind().to_string())),
                }
            }
            set.build().unwrap_or_else(|fault| {
                errors.push(PolicyFileError::at(&format!("resource_sandbox.files.{name}"), fault.to_string()));
                GlobSet::empty()
            })
        };
        let (read, write) = (globs("read", &rules.files.read, false), globs("write", &rules.files.write, false));
        let deny = globs("deny", &rules.files.deny, true);
        let mut domains = |name: &str, patterns: &[String]| -> Vec<String> {
            for (number, pattern) in patterns.iter().enumerate() {
                if normal_host(pattern.strip_prefix("*.").unwrap_or(pattern)).is_none() {
                    let path = format!("resource_sandbox.domains.{name}[{number}]");
                    let message = "expected a host name such as `example.com` or `*.example.com`";
                    errors.push(PolicyFileError::at(&path, message));
                }
            }
            patterns.iter().map(|pattern| pattern.trim_end_matches('.').to_ascii_lowercase()).collect()
        };
        let allowed = domains("allow", &rules.domains.allow);
        let denied_domains = domains("deny", &rules.domains.deny);
        if errors.is_empty() { Ok(Self { read, write, deny, domains: allowed, denied_domains }) } else { Err(errors) }
    }

    /// Whether a file may be read.
    pub fn may_read(&self, path: &str) -> Result<(), SandboxDenial> {
        self.may_touch(&self.read, path)
    }

    /// Whether a file may be written.
    pub fn may_write(&self, path: &str) -> Result<(), SandboxDenial> {
        self.may_touch(&self.write, path)
    }

    /// Whether a connection may go to this host (without port). It decides on the name; what the name resolves to is to be
    /// decided on again by who connects.
    pub fn may_connect(&self, host: &str) -> Result<(), SandboxDenial> {
        let host = normal_host(host).ok_or(SandboxDenial::Host)?;
        let listed = |patterns: &[String]| patterns.iter().any(|pattern| host_fits(pattern, &host));
        if listed(&self.denied_domains) {
            return Err(SandboxDenial::Denied);
        }
        if listed(&self.domains) { Ok(()) } else { Err(SandboxDenial::NotListed) }
    }

    fn may_touch(&self, allowed: &GlobSet, path: &str) -> Result<(), SandboxDenial> {
        let path = normal_path(path).ok_or(SandboxDenial::Path)?;
        if self.deny.is_match(&path) {
            return Err(SandboxDenial::Denied);
        }
        if allowed.is_match(&path) { Ok(()) } else { Err(SandboxDenial::NotListed) }
    }
}

/// The path without `.` and doubled slashes; None when it leaves its folder or is written to confuse.
fn normal_path(path: &str) -> Option<String> {
    let odd = path.starts_with('/') || path.contains(['\\', '\0', ':']) || path.chars().any(char::is_control);
    let parts: Vec<_> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if odd || parts.is_empty() || parts.contains(&"..") { None } else { Some(parts.join("/")) }
}

/// Lower case, without the last dot; None for what is no name of ASCII labels. Other scripts come as `xn--`.
fn normal_host(host: &str) -> Option<String> {
    let host = host.strip_suffix('.').unwrap_or(host);
    let label = |part: &str| {
        (1..=63).contains(&part.len())
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    let address = host.parse::<std::net::Ipv6Addr>().is_ok();
    (host.len() <= 253 && (address || host.split('.').all(label))).then(|| host.to_ascii_lowercase())
}

fn host_fits(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(parent) => host.strip_suffix(parent).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
        None => pattern == host,
    }
}
