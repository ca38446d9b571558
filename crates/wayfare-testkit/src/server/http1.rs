//! One HTTP/1 connection: hyper reads and writes, and steps aside where bytes must be our own.

use std::sync::{Arc, Mutex, PoisonError};

use http::Request;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::AsyncWriteExt;

use super::BoxError;
use crate::endpoints::{Answer, Raw, Site, Then, Visit};
use crate::script::{Ear, Ended, hang_up, play};
use crate::stream::Shared;

/// Serves requests until the connection is over.
pub(crate) async fn serve(mut stream: Shared, site: Arc<Site>, number: u64) {
    loop {
        let taken = Arc::new(Mutex::new(None));
        let service = service_fn(|request: Request<Incoming>| {
            answer(request, Arc::clone(&site), number, stream.clone(), Arc::clone(&taken))
        });
        // An error here means that the client left or that the stream was taken over.
        let _ = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(None)
            .serve_connection(TokioIo::new(stream.clone()), service)
            .await;
        let raw = taken.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Raw { steps, then }) = raw else {
            return;
        };
        let ear = Ear::default();
        match (play(&steps, &mut stream, &ear).await, then) {
            (Ended::Open, Then::NextRequest) => {}
            (Ended::Open, Then::HangUp) => return hang_up(&mut stream, &ear).await,
            (Ended::Gone, _) => return,
        }
    }
}

async fn answer(
    request: Request<Incoming>,
    site: Arc<Site>,
    number: u64,
    mut stream: Shared,
    taken: Arc<Mutex<Option<Raw>>>,
) -> Result<http::Response<super::ReplyBody>, BoxError> {
    let request = request.map(|body| body.map_err(BoxError::from).boxed_unsync());
    match site.answer(request, Visit { connection: number }).await {
        Answer::Respond(response) => Ok(response),
        Answer::Interim { interim, response } => {
            // hyper has nothing left to write while it waits for this answer.
            let mut head = format!("HTTP/1.1 {}\r\n", interim.status()).into_bytes();
            for (name, value) in interim.headers() {
                head.extend_from_slice(name.as_str().as_bytes());
                head.extend_from_slice(b": ");
                head.extend_from_slice(value.as_bytes());
                head.extend_from_slice(b"\r\n");
            }
            head.extend_from_slice(b"\r\n");
            stream.write_all(&head).await?;
            stream.flush().await?;
            Ok(response)
        }
        Answer::Raw { raw, .. } => {
            *taken.lock().unwrap_or_else(PoisonError::into_inner) = Some(raw);
            Err("the stream is taken over".into())
        }
    }
}
