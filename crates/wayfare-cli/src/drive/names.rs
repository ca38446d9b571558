//! Questions to name servers.

use serde_json::{Value, json};
use wayfare::Manager;
use wayfare::dns::{LookupFault, RecordType};

use super::session;
use super::wire::Refusal;

/// Asks one name server one question.
pub(super) async fn dns_query(asked: &Value) -> Result<Value, Refusal> {
    let text = |name: &str| {
        asked[name].as_str().ok_or_else(|| Refusal::adapter(format!("{name} is missing")))
    };
    let dns = session::dns(&json!({"dns": text("server")?, "resolve": asked["resolve"]}))?;
    let kind: RecordType = match &asked["type"] {
        Value::Number(number) => {
            let code = number.as_u64().and_then(|code| u16::try_from(code).ok());
            code.map(RecordType).ok_or_else(|| Refusal::adapter("type: not a type"))?
        }
        _ => text("type")?.parse().map_err(|why| Refusal::adapter(format!("type: {why}")))?,
    };
    let manager = Manager::builder().dns(dns).tls(session::tls(asked)?).build();
    let failure = match manager.lookup(text("name")?, kind).await {
        Ok(found) => {
            let answers: Vec<_> = found.records.iter().map(|one| one.data.to_string()).collect();
            return Ok(json!({
                "answers": answers,
                "rcode": 0,
                "server": found.server.to_string(),
                "transport": found.transport.name(),
                "authentic": found.authentic,
            }));
        }
        Err(failure) => failure,
    };
    let rcode = match failure.kind {
        LookupFault::NoData => 0,
        LookupFault::ServerFailure => 2,
        LookupFault::NotFound => 3,
        LookupFault::Refused => 5,
        LookupFault::Timeout => return Err(Refusal::new("timeout", failure.to_string())),
        _ => return Err(Refusal::new("dns", failure.to_string())),
    };
    Ok(json!({"answers": [], "rcode": rcode}))
}
