//! Endpoints that take their time.

use std::time::Duration;

use http::StatusCode;

use super::{Answer, Call, Pending, Refusal, paced, ready, response, text_response};
use crate::content::DEFAULT_SEED;
use crate::server::Paced;

type Reply = Result<Answer, Refusal>;

pub(super) fn delay(mut call: Call) -> Pending {
    Box::pin(async move {
        let pause = Duration::from_millis(call.number(1)?);
        call.read_body(0).await?;
        tokio::time::sleep(pause).await;
        Ok(Answer::Respond(text_response(StatusCode::OK, "Late, but here.\n")))
    })
}

pub(super) fn delay_body(call: &Call) -> Reply {
    let pause = Duration::from_millis(call.number(1)?);
    binary(Paced::new(ready("Late, but here.\n")).with_first_pause(pause))
}

pub(super) fn stream(call: &Call) -> Reply {
    let seed = call.asked_number("seed", DEFAULT_SEED)?;
    binary(Paced::made(call.number(1)?, seed).with_chunk(call.number(2)?).without_length())
}

pub(super) fn drip(call: &Call) -> Reply {
    let seed = call.asked_number("seed", DEFAULT_SEED)?;
    let pause = Duration::from_millis(call.number(2)?);
    binary(Paced::made(call.number(1)?, seed).with_chunk(1).with_pause(pause))
}

pub(super) fn rate(call: &Call) -> Reply {
    let seed = call.asked_number("seed", DEFAULT_SEED)?;
    let rate: u64 = call.number(2)?;
    // Twenty chunks a second; slower rates go byte by byte.
    let chunk = (rate / 20).max(1);
    let pause = Duration::from_secs_f64(chunk as f64 / rate.max(1) as f64);
    binary(Paced::made(call.number(1)?, seed).with_chunk(chunk).with_pause(pause))
}

fn binary(body: Paced) -> Reply {
    Ok(Answer::Respond(response(StatusCode::OK, "application/octet-stream", paced(body))))
}
