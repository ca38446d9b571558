//! What tests of hidden names share: a name server that tells how to hide them.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used)] // Each test file uses its own part.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use wayfare::options::{Dns, Resolver};

pub const PUBLIC: &str = "public.example";
pub const PRIVATE: &str = "private.example";

/// A name server that knows one address and this list; its HTTPS record comes so much later.
pub fn name_server(list: Option<Vec<u8>>, late: Duration) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut buffer = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let asked = &buffer[..length];
            let end = 12 + asked[12..].iter().position(|byte| *byte == 0).unwrap();
            let (mut data, mut pause) = (None, Duration::ZERO);
            match (asked[end + 2], &list) {
                (1, _) => data = Some(vec![127, 0, 0, 1]),
                (65, Some(list)) => {
                    let length = u16::try_from(list.len()).unwrap().to_be_bytes();
                    data = Some([&[0, 1, 0, 0, 5][..], &length, list].concat());
                    pause = late;
                }
                _ => {}
            }
            let mut answer = asked[..2].to_vec();
            answer.extend([0x81, 0x80, 0, 1, 0, u8::from(data.is_some()), 0, 0, 0, 0]);
            answer.extend(&asked[12..end + 5]);
            if let Some(data) = data {
                answer.extend([0xc0, 12, 0, asked[end + 2], 0, 1, 0, 0, 0, 60]);
                answer.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
                answer.extend(data);
            }
            let socket = socket.try_clone().unwrap();
            std::thread::spawn(move || {
                std::thread::sleep(pause);
                let _ = socket.send_to(&answer, from);
            });
        }
    });
    address
}

pub fn dns(list: Option<Vec<u8>>) -> Dns {
    late_dns(list, Duration::ZERO)
}

pub fn late_dns(list: Option<Vec<u8>>, late: Duration) -> Dns {
    let server = format!("udp://{}", name_server(list, late)).parse().unwrap();
    Dns { resolver: Resolver::Own(vec![server]), ..Dns::default() }
}
