//! A wire to a database that can be cut, or go silent.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

#[derive(Default)]
struct Wires {
    open: Mutex<Vec<TcpStream>>,
    silent: AtomicBool,
    changed: (Mutex<()>, Condvar),
    /// Bytes from the database.
    passed: AtomicUsize,
}

pub(crate) struct Proxy {
    pub(crate) port: u16,
    wires: Arc<Wires>,
}

impl Proxy {
    pub(crate) fn new(to: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("port");
        let port = listener.local_addr().expect("address").port();
        let wires = Arc::new(Wires::default());
        let shared = Arc::clone(&wires);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(("127.0.0.1", to)) else { continue };
                shared
                    .open
                    .lock()
                    .expect("lock")
                    .extend([client.try_clone().expect("wire"), server.try_clone().expect("wire")]);
                let (up, down) = (Arc::clone(&shared), Arc::clone(&shared));
                let (client_too, server_too) = (client.try_clone().expect("wire"), server.try_clone().expect("wire"));
                thread::spawn(move || up.pass(client, server, false));
                thread::spawn(move || down.pass(server_too, client_too, true));
            }
        });
        Self { port, wires }
    }

    /// Ends all connections.
    pub(crate) fn cut(&self) {
        for wire in self.wires.open.lock().expect("lock").drain(..) {
            _ = wire.shutdown(Shutdown::Both);
        }
    }

    /// Keeps all connections, and passes nothing on until it is told otherwise.
    pub(crate) fn silence(&self, silent: bool) {
        let _lock = self.wires.changed.0.lock().expect("lock");
        self.wires.silent.store(silent, Ordering::SeqCst);
        self.wires.changed.1.notify_all();
    }

    pub(crate) fn passed(&self) -> usize {
        self.wires.passed.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.cut();
        self.silence(false);
    }
}

impl Wires {
    fn pass(&self, mut from: TcpStream, mut to: TcpStream, counted: bool) {
        let mut buffer = [0; 16 << 10];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            let lock = self.changed.0.lock().expect("lock");
            drop(self.changed.1.wait_while(lock, |()| self.silent.load(Ordering::SeqCst)).expect("lock"));
            if counted {
                self.passed.fetch_add(count, Ordering::SeqCst);
            }
            if to.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        _ = to.shutdown(Shutdown::Both);
    }
}
