//! What a server saw: every request with its place in the order of arrival.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Version};
use http_body_util::BodyExt;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::{BoxError, RequestBody};
use crate::content::hex;

/// One request as the server saw it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RequestRecord {
    /// Counts from 0 over all connections, in the order of arrival.
    pub order: u64,
    /// The connection it came on, counted from 1.
    pub connection: u64,
    /// When its head had arrived, counted from the server's start.
    pub at: Duration,
    /// The method.
    pub method: Method,
    /// The request target as it was sent: a path with its query, or a whole URL for a proxy.
    pub target: String,
    /// The protocol version.
    pub version: Version,
    /// The header fields.
    pub headers: HeaderMap,
    /// The first 64 KiB of the body that the server read.
    pub body: Bytes,
    /// How many bytes of body the server read.
    pub body_length: u64,
    /// The SHA-256 of the body; `None` until all of it was read.
    pub body_sha256: Option<String>,
    /// The trailer fields after the body.
    pub trailers: HeaderMap,
}

/// A body that was read to its end.
pub(crate) struct WholeBody {
    /// As much of the beginning as was asked to be kept.
    pub(crate) kept: Bytes,
    pub(crate) length: u64,
    pub(crate) sha256: String,
}

/// The counts and records of one server.
#[derive(Debug)]
pub(crate) struct Log {
    started: Instant,
    arrived: AtomicU64,
    in_flight: AtomicU64,
    peak_in_flight: AtomicU64,
    records: Mutex<VecDeque<RequestRecord>>,
    visits: Mutex<HashMap<String, u64>>,
}

/// Held while a request is being answered.
#[derive(Debug)]
pub(crate) struct InFlight(Arc<Log>);

impl Log {
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
            arrived: AtomicU64::new(0),
            in_flight: AtomicU64::new(0),
            peak_in_flight: AtomicU64::new(0),
            records: Mutex::default(),
            visits: Mutex::default(),
        }
    }

    /// Notes a request's arrival and gives it its place in the order.
    pub(crate) fn arrive(&self, head: &http::request::Parts, connection: u64) -> u64 {
        let mut records = self.records();
        let order = self.arrived.fetch_add(1, Ordering::SeqCst);
        if records.len() == KEPT_RECORDS {
            records.pop_front();
        }
        let origin_form = head.version >= Version::HTTP_2;
        let target = match head.uri.path_and_query() {
            Some(path) if origin_form => path.to_string(),
            _ => head.uri.to_string(),
        };
        records.push_back(RequestRecord {
            order,
            connection,
            at: self.started.elapsed(),
            method: head.method.clone(),
            target,
            version: head.version,
            headers: head.headers.clone(),
            body: Bytes::new(),
            body_length: 0,
            body_sha256: None,
            trailers: HeaderMap::new(),
        });
        order
    }

    /// Reads a body to its end, keeping its first `keep` bytes.
    pub(crate) async fn read_body(
        &self,
        order: u64,
        mut body: RequestBody,
        keep: usize,
    ) -> Result<WholeBody, BoxError> {
        let mut kept = Vec::new();
        let mut length = 0;
        let mut digest = Sha256::new();
        while let Some(frame) = body.frame().await {
            match frame?.into_data() {
                Ok(data) => {
                    length += data.len() as u64;
                    digest.update(&data);
                    let room = keep.saturating_sub(kept.len()).min(data.len());
                    kept.extend_from_slice(&data[..room]);
                    self.amend(order, |record| record.take_in(&data));
                }
                Err(frame) => {
                    if let Ok(trailers) = frame.into_trailers() {
                        self.amend(order, |record| record.trailers = trailers);
                    }
                }
            }
        }
        let sha256 = hex(&digest.finalize());
        self.amend(order, |record| record.body_sha256 = Some(sha256.clone()));
        Ok(WholeBody { kept: kept.into(), length, sha256 })
    }

    /// Counts a visit to something that changes from visit to visit; the first is 0.
    pub(crate) fn visit(&self, key: &str) -> u64 {
        let mut visits = self.visits.lock().unwrap_or_else(PoisonError::into_inner);
        let count = visits.entry(key.to_owned()).or_default();
        *count += 1;
        *count - 1
    }

    pub(crate) fn begin(self: &Arc<Self>) -> InFlight {
        let now = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.peak_in_flight.fetch_max(now, Ordering::SeqCst);
        InFlight(Arc::clone(self))
    }

    pub(crate) fn snapshot(&self) -> Vec<RequestRecord> {
        self.records().iter().cloned().collect()
    }

    pub(crate) fn clear(&self) {
        self.records().clear();
    }

    pub(crate) fn arrived(&self) -> u64 {
        self.arrived.load(Ordering::SeqCst)
    }

    pub(crate) fn peak_in_flight(&self) -> u64 {
        self.peak_in_flight.load(Ordering::SeqCst)
    }

    fn amend(&self, order: u64, change: impl FnOnce(&mut RequestRecord)) {
        let mut records = self.records();
        let first = records.front().map_or(0, |record| record.order);
        let place = order.checked_sub(first).and_then(|place| usize::try_from(place).ok());
        if let Some(record) = place.and_then(|place| records.get_mut(place)) {
            change(record);
        }
    }

    fn records(&self) -> MutexGuard<'_, VecDeque<RequestRecord>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RequestRecord {
    fn take_in(&mut self, data: &Bytes) {
        self.body_length += data.len() as u64;
        let room = KEPT_BODY.saturating_sub(self.body.len()).min(data.len());
        if self.body.is_empty() {
            self.body = data.slice(..room);
        } else if room > 0 {
            self.body = [&self.body, &data[..room]].concat().into();
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}

/// How many requests a server remembers; older ones are forgotten so that it can run for days.
pub const KEPT_RECORDS: usize = 10_000;

const KEPT_BODY: usize = 64 * 1024;
