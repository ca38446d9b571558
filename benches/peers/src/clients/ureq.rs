//! ureq.

use std::io::Read;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use super::repeat_blocking;
use crate::measure::Measured;
use crate::server::Place;
use crate::work::Work;

pub fn run(work: Work, place: &Place) -> Measured {
    let mut builder = ureq::Agent::config_builder().proxy(None);
    if work.is_tls() {
        let der = CertificateDer::from_pem_slice(place.pem().as_bytes()).expect("an authority");
        let roots = vec![Certificate::from_der(&der).to_owned()];
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::Specific(Arc::new(roots)))
            .unversioned_rustls_crypto_provider(provider)
            .build();
        builder = builder.tls_config(tls);
    }
    let agent: ureq::Agent = builder.build().into();
    let urls = place.urls(work);
    let mut buffer = vec![0; 65_536];
    repeat_blocking(work, |path| {
        let mut response = agent.get(urls.of(path)).call().expect("a response");
        let mut reader = response.body_mut().as_reader();
        let mut length = 0;
        loop {
            match reader.read(&mut buffer).expect("bytes") {
                0 => return length,
                read => length += read as u64,
            }
        }
    })
}
