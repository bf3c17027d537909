//! Lambda bootstrap of `callback`; everything is in the library.

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    callback::run().await
}
