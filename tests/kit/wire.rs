//! The wire between a server and its database, which a test can cut: what a restart or a network failure looks like.

use std::{
    io,
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use super::World;

/// Forwards connections to the database until it is cut.
pub(crate) struct Wire {
    address: SocketAddr,
    target: String,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    cut: AtomicBool,
    connections: Mutex<Vec<TcpStream>>,
}

impl World {
    /// Servers started from now on reach their database through this wire.
    pub(crate) fn set_wire(&mut self) -> Wire {
        let url = self.db().url.clone();
        let (head, rest) = url.rsplit_once('@').expect("a user");
        let (target, database) = rest.split_once('/').expect("a database");
        let listener = TcpListener::bind("127.0.0.1:0").expect("listen");
        let address = listener.local_addr().expect("address");
        self.set("DATABASE_URL", &format!("{head}@{address}/{database}"));
        let mut wire = Wire { address, target: target.to_owned(), shared: Arc::default(), accepting: None };
        wire.accept(listener);
        wire
    }
}

impl Wire {
    /// Ends all connections and refuses new ones.
    pub(crate) fn cut(&mut self) {
        self.shared.cut.store(true, Ordering::Relaxed);
        if let Some(accepting) = self.accepting.take() {
            accepting.join().expect("accepting");
        }
        for connection in self.shared.connections.lock().expect("connections").drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    /// Lets connections through again.
    pub(crate) fn mend(&mut self) {
        self.shared.cut.store(false, Ordering::Relaxed);
        self.accept(TcpListener::bind(self.address).expect("listen again"));
    }

    fn accept(&mut self, listener: TcpListener) {
        let (shared, target) = (Arc::clone(&self.shared), self.target.clone());
        listener.set_nonblocking(true).expect("non-blocking");
        self.accepting = Some(thread::spawn(move || {
            while !shared.cut.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok((client, _)) => drop(shared.forward(client, &target)),
                    Err(_) => thread::sleep(Duration::from_millis(3)),
                }
            }
        }));
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.cut();
    }
}

impl Shared {
    fn forward(&self, client: TcpStream, target: &str) -> io::Result<()> {
        let server = TcpStream::connect(target)?;
        client.set_nonblocking(false)?;
        for stream in [&client, &server] {
            stream.set_nodelay(true)?;
        }
        let ends = [client.try_clone()?, server.try_clone()?];
        self.connections.lock().expect("connections").extend(ends);
        for (mut from, mut to) in [(client.try_clone()?, server.try_clone()?), (server, client)] {
            thread::spawn(move || {
                let _ = io::copy(&mut from, &mut to);
                let _ = to.shutdown(Shutdown::Both);
            });
        }
        Ok(())
    }
}
