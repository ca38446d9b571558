//! x
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).unwrap();
    let m = wayfare::Manager::builder().on_event(|e| println!("{:?} {:?}", e.at, e.what)).build();
    let r = m.get(&url).send().await?;
    println!("{:?} {} {:?}", r.status(), r.url(), r.headers());
    let b = r.bytes().await?;
    println!("{} bytes", b.len());
    let m2 = m.clone();
    std::thread::spawn(move || {
        for _ in 0..2 {
        let r = m2.blocking().get(&url).send().unwrap();
        println!("{:?} {:?}", r.status(), r.timings());
        println!("{}", r.text().unwrap().len());
        }
    }).join().unwrap();
    Ok(())
}
