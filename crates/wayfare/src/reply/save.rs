//! Saving a body as a file that is either whole or not there.

use std::io;
use std::path::Path;

use bytes::Bytes;
use wayfare_net::runtime::Home;

use super::Reply;
use crate::body::draft::{Draft, work};
use crate::error::Error;

/// Who has chosen the name of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// The caller: links are followed, and what is no regular file is written to.
    ByCaller,
    /// A URL or a server: neither.
    ByOthers,
}

pub(super) async fn save(reply: &mut Reply, path: &Path, named: Named) -> Result<u64, Error> {
    let home = reply.head.home.clone();
    let target = path.to_owned();
    let mut draft =
        work(&home, move || begin(&target, named)).await.map_err(|why| cannot(path, &why))?;
    let mut batch = Vec::new();
    let mut batched = 0;
    while let Some(chunk) = reply.chunk().await? {
        batched += chunk.len();
        batch.push(chunk);
        if batched >= BATCH {
            draft = write(&home, draft, std::mem::take(&mut batch))
                .await
                .map_err(|why| cannot(path, &why))?;
            batched = 0;
        }
    }
    let draft = write(&home, draft, batch).await.map_err(|why| cannot(path, &why))?;
    work(&home, move || draft.publish()).await.map_err(|why| cannot(path, &why))?;
    Ok(reply.received())
}

fn begin(target: &Path, named: Named) -> io::Result<Draft> {
    match named {
        Named::ByCaller => Draft::of(target),
        Named::ByOthers => Draft::of_suggested(target),
    }
}

async fn write(home: &Home, mut draft: Draft, batch: Vec<Bytes>) -> io::Result<Draft> {
    work(home, move || {
        for chunk in &batch {
            draft = draft.write(chunk)?;
        }
        Ok(draft)
    })
    .await
}

fn cannot(path: &Path, why: &io::Error) -> Error {
    Error::from_file(&format!("cannot save to {}", path.display()), why)
}

/// Chunks are written together once there are so many bytes.
const BATCH: usize = 512 * 1024;
