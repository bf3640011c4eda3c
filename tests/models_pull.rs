//! `millwright models pull`, against a fake of ours that plays Ollama's answers: a real one would fetch from the network.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

use crate::kit::World;

/// The paths and bodies that were asked for.
type Asked = Arc<Mutex<Vec<String>>>;

/// A server that has `small` and can fetch anything but `gone`. The thread ends with the process.
fn ollama() -> (String, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("listen");
    let address = format!("http://{}", listener.local_addr().expect("address"));
    let asked = Asked::default();
    let kept = Arc::clone(&asked);
    std::thread::spawn(move || {
        for connection in listener.incoming().map_while(Result::ok) {
            // The client may leave whenever it likes.
            let _ = serve(connection, &kept);
        }
    });
    (address, asked)
}

fn serve(mut stream: TcpStream, kept: &Asked) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut path, mut length) = (String::new(), 0);
    reader.read_line(&mut path)?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if let Some(number) = line.to_lowercase().strip_prefix("content-length:") {
            length = number.trim().parse().unwrap_or(0);
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let body = String::from_utf8_lossy(&body).into_owned();
    let answer = if path.contains("/api/tags") {
        r#"{"models":[{"name":"small:latest"}]}"#.to_owned()
    } else if body.contains("gone") {
        "{\"status\":\"pulling manifest\"}\n{\"error\":\"pull model manifest: file does not exist\"}\n".to_owned()
    } else {
        let layer = |done: u32| {
            format!(
                "{{\"status\":\"pulling aabb\",\"digest\":\"sha256:aabb\",\"total\":2000000,\"completed\":{done}}}\n"
            )
        };
        format!(
            "{{\"status\":\"pulling manifest\"}}\n{}{}{{\"status\":\"success\"}}\n",
            layer(500_000),
            layer(2_000_000)
        )
    };
    kept.lock().expect("asked").push(format!("{} {body}", path.trim()));
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", answer.len());
    stream.write_all(format!("{head}{answer}").as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_lacks_is_fetched_where_it_may_and_a_failure_is_told() {
    let (address, asked) = ollama();
    let mut world = World::new().await;
    let pull = ["models", "pull"];
    let (fetched, _, said) = world.command(&pull);
    assert!(!fetched && said.contains("those that are: none"), "{said}");

    world.set("OLLAMA_BASE_URL", &address).set("LLM_MODEL_STANDARD", "small").set("LLM_MODEL_HEAVY", "large");
    let (fetched, _, said) = world.command(&pull);
    assert!(!fetched && said.contains("OLLAMA_PULL"), "{said}");
    assert!(asked.lock().expect("asked").is_empty(), "a server that may not is not even asked");

    world.set("OLLAMA_PULL", "true");
    let (fetched, told, said) = world.command(&["models", "pull", "lagre"]);
    assert!(!fetched && said.contains("`large` at `ollama`"), "{said}");
    let (fetched, told_all, said) = world.command(&pull);
    assert!(fetched && told.is_empty(), "{told_all}{said}");
    for line in ["ollama: small: is there", "ollama: large: pulling aabb: 25 % of 2.0 MB", "ollama: large: success"] {
        assert!(told_all.lines().any(|told| told == line), "no `{line}` in\n{told_all}");
    }
    let pulls = |asked: &Asked| asked.lock().expect("asked").iter().filter(|one| one.contains("/api/pull")).count();
    assert_eq!(pulls(&asked), 1, "only what was missing");

    world.set("LLM_MODEL_HEAVY", "gone");
    let (fetched, told, said) = world.command(&["models", "pull", "gone"]);
    assert!(!fetched && said.contains("fetching gone"), "{told}{said}");
}
