//! Saving a body as a file that is either whole or not there.

use std::io;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use wayfare_net::clock::now;
use wayfare_net::runtime::{Home, sleep};

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
    let home = reply.parts.head.home.clone();
    let mut draft = begin_in_time(&home, path, named).await.map_err(|why| cannot(path, &why))?;
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

/// Begins the file; when this process has no descriptor left, other files that are being saved will
/// give theirs back.
async fn begin_in_time(home: &Home, path: &Path, named: Named) -> io::Result<Draft> {
    let patience = now() + DESCRIPTOR_PATIENCE;
    loop {
        let target = path.to_owned();
        match work(home, move || begin(&target, named)).await {
            Err(why) if is_out_of_descriptors(&why) && now() < patience => {
                sleep(home, DESCRIPTOR_PAUSE).await;
            }
            begun => return begun,
        }
    }
}

fn is_out_of_descriptors(why: &io::Error) -> bool {
    // EMFILE and ENFILE have no kind of their own; the numbers are the same on all of Unix.
    matches!(why.raw_os_error(), Some(23 | 24))
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
/// How long to wait for a descriptor, and how often to ask for one.
const DESCRIPTOR_PATIENCE: Duration = Duration::from_secs(30);
const DESCRIPTOR_PAUSE: Duration = Duration::from_millis(20);
