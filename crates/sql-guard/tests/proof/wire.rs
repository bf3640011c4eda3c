//! As much of the protocols of PostgreSQL and MariaDB as a test needs that sends text and looks at what comes back: several statements in
//! one text are sent as they are, which no driver with parameters would do.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

/// What came back: the rows as text, or the server's words of refusal.
pub(crate) type Answer = Result<String, String>;

fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the database listens");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a socket");
    stream.set_nodelay(true).expect("a socket");
    stream
}

fn read(stream: &mut TcpStream, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).expect("an answer within 30 s");
    bytes
}

/// A connection to PostgreSQL that trusts every login.
pub(crate) struct Postgres(TcpStream);

impl Postgres {
    pub(crate) fn open(address: &str, database: &str) -> Self {
        let mut stream = connect(address);
        let mut body = 196_608_u32.to_be_bytes().to_vec();
        body.extend(format!("user\0postgres\0database\0{database}\0\0").into_bytes());
        let mut message = (body.len() as u32 + 4).to_be_bytes().to_vec();
        message.extend(body);
        stream.write_all(&message).expect("sent");
        let mut own = Self(stream);
        own.answer().expect("signed in");
        own
    }

    pub(crate) fn run(&mut self, sql: &str) -> Answer {
        let mut message = vec![b'Q'];
        message.extend((sql.len() as u32 + 5).to_be_bytes());
        message.extend(sql.as_bytes());
        message.push(0);
        self.0.write_all(&message).expect("sent");
        self.answer()
    }

    fn answer(&mut self) -> Answer {
        let (mut rows, mut error) = (String::new(), None);
        loop {
            let head = read(&mut self.0, 5);
            let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize - 4;
            let body = read(&mut self.0, length);
            match head[0] {
                b'D' => {
                    rows.push_str(&String::from_utf8_lossy(&body[2..]));
                    rows.push('\n');
                }
                b'E' => error = Some(String::from_utf8_lossy(&body).replace('\0', " ")),
                b'Z' => return error.map_or(Ok(rows), Err),
                _ => {}
            }
        }
    }
}

/// A connection to MariaDB as root without a password.
pub(crate) struct MariaDb(TcpStream);

impl MariaDb {
    pub(crate) fn open(address: &str) -> Self {
        let mut own = Self(connect(address));
        own.packet();
        // PROTOCOL_41, SECURE_CONNECTION, MULTI_STATEMENTS, MULTI_RESULTS, PLUGIN_AUTH.
        let capabilities: u32 = 0x200 | 0x8000 | 0x1_0000 | 0x2_0000 | 0x8_0000;
        let mut body = capabilities.to_le_bytes().to_vec();
        body.extend(16_777_216_u32.to_le_bytes());
        body.push(45);
        body.extend([0; 23]);
        body.extend(b"root\0\0mysql_native_password\0");
        own.send(&body, 1);
        let answer = own.packet();
        assert_eq!(answer.first(), Some(&0), "signed in: {}", String::from_utf8_lossy(&answer));
        own
    }

    fn packet(&mut self) -> Vec<u8> {
        let head = read(&mut self.0, 4);
        let length = usize::from(head[0]) | usize::from(head[1]) << 8 | usize::from(head[2]) << 16;
        read(&mut self.0, length)
    }

    fn send(&mut self, body: &[u8], sequence: u8) {
        let mut message = (body.len() as u32).to_le_bytes()[..3].to_vec();
        message.push(sequence);
        message.extend(body);
        self.0.write_all(&message).expect("sent");
    }

    pub(crate) fn run(&mut self, sql: &str) -> Answer {
        let mut body = vec![3];
        body.extend(sql.as_bytes());
        self.send(&body, 0);
        let mut rows = String::new();
        loop {
            let first = self.packet();
            let more = match first.first() {
                Some(0) => {
                    // OK: affected rows, last id, then the status.
                    let mut at = 1;
                    number(&first, &mut at);
                    number(&first, &mut at);
                    first.get(at).copied().unwrap_or(0) & 8 != 0
                }
                Some(0xff) => return Err(String::from_utf8_lossy(&first[3..]).into_owned()),
                _ => {
                    let columns = number(&first, &mut 0);
                    for _ in 0..=columns {
                        self.packet();
                    }
                    loop {
                        let row = self.packet();
                        match row.first() {
                            Some(0xfe) if row.len() < 9 => break row[3] & 8 != 0,
                            Some(0xff) => return Err(String::from_utf8_lossy(&row[3..]).into_owned()),
                            _ => {
                                rows.push_str(&String::from_utf8_lossy(&row));
                                rows.push('\n');
                            }
                        }
                    }
                }
            };
            if !more {
                return Ok(rows);
            }
        }
    }
}

fn number(bytes: &[u8], at: &mut usize) -> u64 {
    let first = bytes.get(*at).copied().unwrap_or(0);
    let length = match first {
        0xfc => 2,
        0xfd => 3,
        0xfe => 8,
        _ => {
            *at += 1;
            return u64::from(first);
        }
    };
    let value = (0..length).fold(0, |value, byte| value | u64::from(bytes[*at + 1 + byte]) << (8 * byte));
    *at += 1 + length;
    value
}
