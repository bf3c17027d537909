//! Lambda bootstrap of `links`; everything is in the library.

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    links::run().await
}
