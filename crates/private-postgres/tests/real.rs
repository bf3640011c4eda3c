//! The real PostgreSQL, killed in every way there is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::explicit_write, reason = "a failing test should panic")]

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use millwright_core::Sources;
use millwright_private_postgres::{PrivatePostgres, PrivatePostgresError, Running, Settings};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// The installation, fetched once; `None` where it cannot be had, which is said aloud.
fn install_dir() -> Option<PathBuf> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/fetch_postgres.sh");
    let output = Command::new("sh").arg(script).output().expect("sh runs");
    if output.status.success() {
        return Some(PathBuf::from(String::from_utf8(output.stdout).unwrap().trim()));
    }
    let reason = String::from_utf8_lossy(&output.stderr).into_owned();
    writeln!(std::io::stderr(), "SKIPPED, nothing was tested: PostgreSQL cannot be fetched: {reason}").unwrap();
    None
}

/// A folder that another uid can pass.
fn folder() -> TempDir {
    let folder = tempfile::Builder::new().prefix("mw-pg-").tempdir_in("/tmp").unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).unwrap();
    folder
}

async fn start(install: &Path, data: &Path) -> Result<Running, PrivatePostgresError> {
    PrivatePostgres::start(Settings::new(install, data), &Sources::system()).await
}

/// A zombie that nobody has reaped yet is not alive.
fn alive(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

fn kill(pid: i32, signal: Signal) {
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
}

async fn until(what: &str, limit: Duration, condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < limit, "after {limit:?} still not: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Every process whose command line names the folder.
fn processes_of(folder: &Path) -> Vec<i32> {
    let name = folder.to_string_lossy().into_owned();
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| {
        *pid != i32::try_from(std::process::id()).unwrap()
            && fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| String::from_utf8_lossy(&line).contains(&name))
    })
    .collect()
}

/// Runs SQL with the installation's own psql.
fn query(install: &Path, url: &str, sql: &str) -> String {
    let psql = install.join("bin/psql");
    let output = Command::new(psql).args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-c", sql, url]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The example `hold` in a process of its own: its handle, the postmaster's pid, the URL.
fn hold(install: &Path, data: &Path) -> (Child, i32, String) {
    let this = std::env::current_exe().unwrap();
    let program = this.parent().unwrap().parent().unwrap().join("examples/hold");
    let mut child = Command::new(&program).arg(install).arg(data).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let (pid, url) = line.trim().split_once(' ').expect("hold has started");
    (child, pid.parse().unwrap(), url.to_owned())
}

#[tokio::test]
async fn starts_stops_and_starts_warm_with_what_was_written() {
    let Some(install) = install_dir() else { return };
    let folder = folder();
    let data = folder.path().join("data");
    let cold = Instant::now();
    let running = start(&install, &data).await.unwrap();
    let cold = cold.elapsed();
    let url = running.admin_url();
    query(&install, &url, "CREATE EXTENSION vector; CREATE TABLE t (v vector(3)); INSERT INTO t VALUES ('[1,2,3]')");
    let settings = "SELECT string_agg(name || '=' || setting, ' ' ORDER BY name) FROM pg_settings
        WHERE name IN ('data_checksums', 'fsync', 'jit', 'listen_addresses', 'server_encoding', 'TimeZone')";
    assert_eq!(
        query(&install, &url, settings),
        "TimeZone=UTC data_checksums=on fsync=on jit=off listen_addresses= server_encoding=UTF8"
    );
    assert_eq!(query(&install, &url, "SELECT lower('ÄÖ') || upper('straße')"), "äöSTRASSE".replace("SS", "ß"));
    let pid = running.process_id().unwrap();
    running.stop().await;
    assert!(!alive(pid));
    assert_eq!(processes_of(&data), Vec::<i32>::new());

    let warm = Instant::now();
    let running = start(&install, &data).await.unwrap();
    let warm = warm.elapsed();
    assert_eq!(query(&install, &running.admin_url(), "SELECT v FROM t"), "[1,2,3]");
    let stop = Instant::now();
    running.stop().await;
    writeln!(std::io::stderr(), "cold start {cold:?}, warm start {warm:?}, stop {:?}", stop.elapsed()).unwrap();
    assert!(warm < Duration::from_secs(2), "a warm start took {warm:?}");
}

#[tokio::test]
async fn files_and_socket_are_closed_to_others_and_the_password_is_needed() {
    let Some(install) = install_dir() else { return };
    let folder = folder();
    let data = folder.path().join("data");
    let running = start(&install, &data).await.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data.join("superuser-password")), 0o600);
    assert_eq!(mode(&data.join("cluster")), 0o700);
    assert_eq!(mode(running.socket_folder()), 0o700);
    let wrong = running.url("postgres", "wrong", "postgres");
    let output = Command::new(install.join("bin/psql")).args(["-Xc", "SELECT 1", &wrong]).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("password authentication failed"));
    running.stop().await;
}

#[tokio::test]
async fn kill_9_of_the_parent_leaves_no_process_and_loses_nothing() {
    let Some(install) = install_dir() else { return };
    let folder = folder();
    let data = folder.path().join("data");
    let (mut child, postmaster, url) = hold(&install, &data);
    query(&install, &url, "CREATE TABLE t (n int); INSERT INTO t VALUES (42)");
    let killed = Instant::now();
    child.kill().unwrap();
    child.wait().unwrap();
    until("no process of it is left", Duration::from_secs(20), || processes_of(&data).is_empty()).await;
    until("the postmaster has ended", Duration::from_secs(20), || !alive(postmaster)).await;
    writeln!(std::io::stderr(), "gone {:?} after kill -9 of the parent", killed.elapsed()).unwrap();
    let running = start(&install, &data).await.unwrap();
    assert_eq!(query(&install, &running.admin_url(), "SELECT n FROM t"), "42");
    running.stop().await;
}

#[tokio::test]
async fn a_start_right_after_kill_9_waits_for_the_predecessor() {
    let Some(install) = install_dir() else { return };
    let folder = folder();
    let data = folder.path().join("data");
    for _ in 0..3 {
        let (mut child, _, _) = hold(&install, &data);
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let (mut child, postmaster, _) = hold(&install, &data);
    kill(postmaster, Signal::KILL);
    child.kill().unwrap();
    child.wait().unwrap();
    let running = start(&install, &data).await.unwrap();
    assert_eq!(query(&install, &running.admin_url(), "SELECT 1"), "1");
    running.stop().await;
}

#[tokio::test]
async fn ctrl_c_stops_postgres_cleanly() {
    let Some(install) = install_dir() else { return };
    let folder = folder();
    let data = folder.path().join("data");
    let (mut child, postmaster, _) = hold(&install, &data);
    kill(i32::try_from(child.id()).unwrap(), Signal::INT);
    assert!(child.wait().unwrap().success());
    assert!(!alive(postmaster));
    assert!(!data.join("cluster/postmaster.pid").exists(), "the shutdown was not clean");
}

#[tokio::test]
async fn postgres_killed_or_stopped_from_outside_comes_back() {
    let Some(install) = install_dir() else { return };
    let folder = folder();
    let data = folder.path().join("data");
    let running = start(&install, &data).await.unwrap();
    query(&install, &running.admin_url(), "CREATE TABLE t (n int); INSERT INTO t SELECT generate_series(1, 10000)");
    for signal in [Signal::KILL, Signal::INT] {
        let before = running.process_id().unwrap();
        let killed = Instant::now();
        kill(before, signal);
        until("it is up again", Duration::from_secs(30), || {
            running.is_up() && running.process_id().is_some_and(|pid| pid != before)
        })
        .await;
        assert_eq!(query(&install, &running.admin_url(), "SELECT count(*) FROM t"), "10000");
        writeln!(std::io::stderr(), "up again {:?} after {signal:?}", killed.elapsed()).unwrap();
    }
    running.stop().await;
}

#[tokio::test]
async fn a_second_owner_is_refused_with_the_first_ones_pid() {
    let Some(install) = install_dir() else { return };
    let folder = folder();
    let data = folder.path().join("data");
    let first = start(&install, &data).await.unwrap();
    match start(&install, &data).await {
        Err(PrivatePostgresError::InUse { owner, .. }) => assert_eq!(owner, std::process::id().to_string()),
        other => panic!("{other:?}"),
    }
    assert_eq!(query(&install, &first.admin_url(), "SELECT 1"), "1");
    first.stop().await;
}

#[tokio::test]
async fn data_of_another_major_version_is_left_alone() {
    let Some(install) = install_dir() else { return };
    let folder = folder();
    let cluster = folder.path().join("cluster");
    fs::create_dir(&cluster).unwrap();
    fs::write(cluster.join("PG_VERSION"), "15\n").unwrap();
    fs::write(folder.path().join("superuser-password"), "x\n").unwrap();
    let error = start(&install, folder.path()).await.unwrap_err().to_string();
    assert!(error.contains("written by PostgreSQL 15 and this is 18"), "{error}");
    assert_eq!(fs::read_dir(&cluster).unwrap().count(), 1);
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let Some(install) = install_dir() else { return };
    let folder = folder();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let settings = Settings { port: Some(port), ..Settings::new(&install, folder.path().join("data")) };
    match PrivatePostgres::start(settings.clone(), &Sources::system()).await {
        Err(PrivatePostgresError::PortInUse(named)) => assert_eq!(named, port),
        other => panic!("{other:?}"),
    }
    drop(taken);
    let running = PrivatePostgres::start(settings, &Sources::system()).await.unwrap();
    let url = running.admin_url().replace("?host=", "?ignored=").replace("localhost", "127.0.0.1");
    let url = url.split('?').next().unwrap();
    assert_eq!(query(&install, url, "SELECT 1"), "1");
    running.stop().await;
}

#[tokio::test]
async fn a_pid_file_whose_number_belongs_to_another_program_does_not_block() {
    let Some(install) = install_dir() else { return };
    let folder = folder();
    let data = folder.path().join("data");
    start(&install, &data).await.unwrap().stop().await;
    let stranger = std::process::id();
    let text = format!("{stranger}\n{}\n1\n5432\n\n\n0 0\nready   \n", data.join("cluster").display());
    fs::write(data.join("cluster/postmaster.pid"), text).unwrap();
    let running = start(&install, &data).await.unwrap();
    assert_eq!(query(&install, &running.admin_url(), "SELECT 1"), "1");
    running.stop().await;
}

#[tokio::test]
async fn a_half_made_data_folder_is_made_anew_and_a_lost_password_is_said() {
    let Some(install) = install_dir() else { return };
    let folder = folder();
    let data = folder.path().join("data");
    fs::create_dir_all(data.join("cluster.new/cluster/base")).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o711)).unwrap();
    start(&install, &data).await.unwrap().stop().await;
    fs::remove_file(data.join("superuser-password")).unwrap();
    assert!(matches!(start(&install, &data).await, Err(PrivatePostgresError::PasswordLost(_))));
}

#[tokio::test]
async fn a_long_path_gets_a_short_socket_folder() {
    let Some(install) = install_dir() else { return };
    let folder = folder();
    let data = folder.path().join("a-rather-long-name-with-spaces and, a comma".repeat(3));
    let running = start(&install, &data).await.unwrap();
    assert!(running.socket_folder().as_os_str().len() < 88);
    assert_eq!(query(&install, &running.admin_url(), "SELECT 1"), "1");
    let socket_folder = running.socket_folder().to_path_buf();
    running.stop().await;
    fs::remove_dir(socket_folder).unwrap();
}

#[tokio::test]
async fn nothing_installed_says_what_to_do() {
    let folder = folder();
    let error = start(&folder.path().join("nowhere"), &folder.path().join("data")).await.unwrap_err().to_string();
    assert!(error.contains("DATABASE_URL"), "{error}");
}
