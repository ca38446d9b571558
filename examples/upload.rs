//! Uploads: a form with a file, JSON, and a stream whose progress is told.

use wayfare::event::What;
use wayfare::{Body, Manager, Multipart};
use wayfare_testkit::server::Server;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::builder().plain().bind("127.0.0.1:0")?;
    let manager = Manager::new();

    let form = Multipart::form().text("name", "Ada").file_part("notes", "notes.txt", "hi".into());
    let answer = manager.post(server.url("/upload")).body(form).send().await?.text().await?;
    println!("form: {answer}");

    let answer = manager.post(server.url("/upload")).json(&["a", "b"]).send().await?.text().await?;
    println!("json: {answer}");

    let reader = std::io::Cursor::new(vec![7; 3_000_000]);
    let reply = manager
        .put(server.url("/upload"))
        .body(Body::reader(reader, None))
        .on_event(|event| {
            if let What::UploadProgress { sent, .. } = event.what {
                println!("sent {sent} bytes");
            }
        })
        .send()
        .await?;
    println!("stream: {}", reply.error_for_status()?.text().await?);
    Ok(())
}
