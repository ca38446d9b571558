//! The HTTP proxy: tunnels, and requests that it makes itself.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::login::challenges;
use super::{Manners, ProxyFault, Talk, reach, relay};
use crate::stream::BoxStream;

/// Serves questions whose first byte was read already.
pub(super) async fn serve(first: u8, mut stream: BoxStream, talk: &Talk) -> io::Result<()> {
    let mut head = vec![first];
    loop {
        read_head(&mut stream, &mut head).await?;
        let text = String::from_utf8_lossy(&head).into_owned();
        let mut words = text.split(' ');
        let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or("").to_owned());
        let said = field(&text, "proxy-authorization").map(str::to_owned);
        talk.note(&target, said.clone(), &head);
        if let Some(refusal) = refusal(talk, method, &target, said.as_deref()) {
            // A body that waits to be asked for does not come.
            let waits = field(&text, "expect").is_some();
            if !waits {
                skip(&mut stream, content_length(&text)).await?;
            }
            stream.write_all(refusal.as_bytes()).await?;
            stream.flush().await?;
            if waits || talk.rules.manners == Manners::Closes {
                return stream.shutdown().await;
            }
        } else if method == "CONNECT" {
            return tunnel(stream, talk, &target).await;
        } else {
            return forward(stream, talk, &text, &target).await;
        }
        head.clear();
    }
}

async fn tunnel(mut stream: BoxStream, talk: &Talk, target: &str) -> io::Result<()> {
    let Ok(far) = reach(target).await else {
        return stream.write_all(b"HTTP/1.1 502 No way\r\nContent-Length: 0\r\n\r\n").await;
    };
    if talk.answer(&mut stream, b"HTTP/1.1 200 Connection established\r\n\r\n").await? {
        relay(stream, far).await?;
    }
    Ok(())
}

/// Passes one request on in origin form and relays everything after its head: the client of a
/// test keeps to one origin per connection.
async fn forward(mut stream: BoxStream, talk: &Talk, head: &str, target: &str) -> io::Result<()> {
    let rest = target.strip_prefix("http://").unwrap_or(target);
    let (place, path) = rest.split_once('/').unwrap_or((rest, ""));
    let place = if place.contains(':') { place.to_owned() } else { format!("{place}:80") };
    let Ok(mut far) = reach(&place).await else {
        return stream.write_all(b"HTTP/1.1 502 No way\r\nContent-Length: 0\r\n\r\n").await;
    };
    loop_requests(&mut stream, &mut far, talk, &origin_form(head, path)).await
}

/// Passes on the first head, then every further request of the connection in origin form.
async fn loop_requests(
    near: &mut BoxStream,
    far: &mut tokio::net::TcpStream,
    talk: &Talk,
    first: &str,
) -> io::Result<()> {
    far.write_all(first.as_bytes()).await?;
    let (mut from_near, mut from_far) = (vec![0; 65536], vec![0; 65536]);
    loop {
        tokio::select! {
            read = near.read(&mut from_near) => match read? {
                0 => return Ok(()),
                // A further head comes in one piece from clients that write it so; bodies have
                // no absolute form in their first line.
                count => {
                    let text = String::from_utf8_lossy(&from_near[..count]).into_owned();
                    let mut words = text.split(' ');
                    let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
                    match target.strip_prefix("http://") {
                        Some(rest) if text.contains(" HTTP/1.1\r\n") => {
                            let said = field(&text, "proxy-authorization");
                            talk.note(target, said.map(str::to_owned), text.as_bytes());
                            if let Some(refusal) = refusal(talk, method, target, said) {
                                near.write_all(refusal.as_bytes()).await?;
                                near.flush().await?;
                                continue;
                            }
                            let path = rest.split_once('/').map_or("", |(_, path)| path);
                            far.write_all(origin_form(&text, path).as_bytes()).await?;
                        }
                        _ => far.write_all(&from_near[..count]).await?,
                    }
                }
            },
            read = far.read(&mut from_far) => match read? {
                0 => return near.shutdown().await,
                count => {
                    near.write_all(&with_support(&from_far[..count])).await?;
                    near.flush().await?;
                }
            },
        }
    }
}

/// An answer that asks who is asking, with the word that connections are kept apart here (RFC 4559 §6).
fn with_support(answer: &[u8]) -> Vec<u8> {
    let end = answer.windows(2).position(|bytes| bytes == b"\r\n");
    match end.filter(|_| answer.starts_with(b"HTTP/1.1 401 ")) {
        Some(end) => {
            let (line, rest) = answer.split_at(end);
            [line, b"\r\nProxy-Support: Session-Based-Authentication", rest].concat()
        }
        None => answer.to_vec(),
    }
}

/// The request with its path only, and without what was meant for the proxy.
fn origin_form(head: &str, path: &str) -> String {
    let method = head.split(' ').next().unwrap_or_default();
    let (_, fields) = head.split_once("\r\n").unwrap_or((head, ""));
    let kept = fields
        .split_inclusive("\r\n")
        .filter(|line| !line.to_ascii_lowercase().starts_with("proxy-authorization:"));
    format!("{method} /{path} HTTP/1.1\r\n{}", kept.collect::<String>())
}

/// What it says no with, if it does.
fn refusal(talk: &Talk, method: &str, target: &str, said: Option<&str>) -> Option<String> {
    let closes = match talk.rules.manners {
        Manners::Closes => "Connection: close\r\n",
        Manners::Keeps => "",
    };
    let who = format!("HTTP/1.1 407 Who\r\nContent-Length: 6\r\nSet-Cookie: proxy=1\r\n{closes}");
    match talk.rules.fault {
        Some(ProxyFault::HugeHead) => {
            Some(format!("HTTP/1.1 200 OK\r\nA: {}\r\n\r\n", "a".repeat(1024 * 1024)))
        }
        Some(ProxyFault::NewRealms) => {
            let realm = talk.heard.lock().map_or(0, |heard| heard.len());
            Some(format!("{who}Proxy-Authenticate: Basic realm=\"{realm}\"\r\n\r\nPOISON"))
        }
        Some(ProxyFault::Status(status)) => Some(format!(
            "HTTP/1.1 {status} No\r\nContent-Length: 6\r\nSet-Cookie: proxy=1\r\n\
             Location: http://evil.test/\r\n\r\nPOISON"
        )),
        _ => {
            let challenges = challenges(talk, method, target, said);
            let fields = challenges.iter().map(|one| format!("Proxy-Authenticate: {one}\r\n"));
            let fields: String = fields.collect();
            (!challenges.is_empty()).then(|| format!("{who}{fields}\r\nPOISON"))
        }
    }
}

async fn read_head(stream: &mut BoxStream, head: &mut Vec<u8>) -> io::Result<()> {
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    Ok(())
}

async fn skip(stream: &mut BoxStream, length: u64) -> io::Result<()> {
    for _ in 0..length {
        stream.read_u8().await?;
    }
    Ok(())
}

fn content_length(head: &str) -> u64 {
    field(head, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0)
}

fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.split("\r\n").skip(1).find_map(|line| {
        let (own, value) = line.split_once(':')?;
        own.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}
