//! What an answer teaches, before it is judged.

use wayfare_proto::route::proxy::Chain;
use wayfare_proto::trace::event::What;

use super::Transfer;
use super::recall::Errand;
use crate::protocol::Outcome;

impl Transfer {
    /// Takes in what the raw head of an answer teaches, whatever becomes of the answer.
    pub(super) fn learn(&mut self, outcome: &Outcome) -> Errand<'_> {
        if let Outcome::Answered(answer) = outcome {
            self.learn_who(answer);
            self.learn_of_forwarder(answer);
            let way = self.key.as_ref().map(|key| &key.footing.way);
            for proxy in way.map(Chain::proxies).unwrap_or_default() {
                self.shared.bad_proxies().handle_success(proxy);
            }
            self.emit(|| What::Head {
                status: answer.status,
                version: answer.version,
                headers: answer.headers.clone(),
            });
            return self.remember(answer);
        }
        Errand::None
    }
}
