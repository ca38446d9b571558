//! The SOCKS proxy, read straight from the standards and apart from the library's own rules.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{ProxyFault, Talk, reach, relay};
use crate::stream::BoxStream;

/// SOCKS 4 and 4a, after the version.
pub(super) async fn four(mut stream: BoxStream, talk: &Talk) -> io::Result<()> {
    let mut bytes = vec![4, stream.read_u8().await?];
    let port = stream.read_u16().await?;
    let ip = stream.read_u32().await?;
    bytes.extend(port.to_be_bytes());
    bytes.extend(ip.to_be_bytes());
    let user = text(&mut stream, &mut bytes).await?;
    let host = if ip != 0 && ip < 256 {
        text(&mut stream, &mut bytes).await?
    } else {
        Ipv4Addr::from_bits(ip).to_string()
    };
    let target = format!("{host}:{port}");
    let said = (!user.is_empty()).then_some(user);
    talk.note(&target, said.clone(), &bytes);
    let welcome = talk.rules.login.as_ref().is_none_or(|(user, _)| said.as_ref() == Some(user));
    let code = match talk.rules.fault {
        Some(ProxyFault::Status(code)) => code as u8,
        _ if !welcome => 93,
        _ => 90,
    };
    let far = reach(&target).await;
    let code = if far.is_err() && code == 90 { 91 } else { code };
    let answer = [0, code, 4, 56, 127, 0, 0, 1];
    match far {
        Ok(far) if talk.answer(&mut stream, &answer).await? && code == 90 => {
            relay(stream, far).await
        }
        Ok(_) => Ok(()),
        Err(_) => talk.answer(&mut stream, &answer).await.map(drop),
    }
}

/// SOCKS 5, after the version.
pub(super) async fn five(mut stream: BoxStream, talk: &Talk) -> io::Result<()> {
    let methods = read(&mut stream).await?;
    let wanted = if talk.rules.login.is_some() { 2 } else { 0 };
    if !methods.contains(&wanted) {
        return stream.write_all(&[5, 255]).await;
    }
    if !talk.answer_part(&mut stream, &[5, wanted]).await? {
        return Ok(());
    }
    let mut said = None;
    if let Some((user, password)) = &talk.rules.login {
        let _version = stream.read_u8().await?;
        let (own, secret) = (read(&mut stream).await?, read(&mut stream).await?);
        let is_right = own == user.as_bytes() && secret == password.as_bytes();
        said =
            Some(format!("{}:{}", String::from_utf8_lossy(&own), String::from_utf8_lossy(&secret)));
        stream.write_all(&[1, u8::from(!is_right)]).await?;
        if !is_right {
            talk.note("", said, &[]);
            return Ok(());
        }
    }
    let mut question = [0; 4];
    stream.read_exact(&mut question).await?;
    let mut bytes = question.to_vec();
    let host = match question[3] {
        1 => Ipv4Addr::from_bits(stream.read_u32().await?).to_string(),
        4 => format!("[{}]", Ipv6Addr::from_bits(stream.read_u128().await?)),
        _ => {
            let name = read(&mut stream).await?;
            bytes.extend(&name);
            String::from_utf8_lossy(&name).into_owned()
        }
    };
    let target = format!("{host}:{}", stream.read_u16().await?);
    talk.note(&target, said, &bytes);
    let far = reach(&target).await;
    let code = match (talk.rules.fault, &far) {
        (Some(ProxyFault::Status(code)), _) => code as u8,
        (_, Err(_)) => 5,
        _ => 0,
    };
    let open = talk.answer(&mut stream, &[5, code, 0, 1, 127, 0, 0, 1, 4, 56]).await?;
    match far {
        Ok(far) if open && code == 0 => relay(stream, far).await,
        _ => Ok(()),
    }
}

impl Talk {
    /// Writes the first of two answers, which only a cut of fewer bytes ends.
    async fn answer_part(&self, stream: &mut BoxStream, answer: &[u8]) -> io::Result<bool> {
        match self.rules.fault {
            Some(ProxyFault::CutAfter(count)) if count < answer.len() => {
                self.answer(stream, answer).await
            }
            Some(ProxyFault::ByteByByte) => self.answer(stream, answer).await,
            _ => stream.write_all(answer).await.map(|()| true),
        }
    }
}

/// A text with its length before it.
async fn read(stream: &mut BoxStream) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::from(stream.read_u8().await?)];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

/// A text with a NUL after it.
async fn text(stream: &mut BoxStream, bytes: &mut Vec<u8>) -> io::Result<String> {
    let start = bytes.len();
    loop {
        match stream.read_u8().await? {
            0 => break,
            byte => bytes.push(byte),
        }
    }
    let text = String::from_utf8_lossy(&bytes[start..]).into_owned();
    bytes.push(0);
    Ok(text)
}
