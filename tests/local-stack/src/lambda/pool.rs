//! All functions with their processes, and their invocation.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::{Semaphore, watch};

use super::{environment::Surroundings, error::InvokeError, instance::Instance};
use crate::{
    log::Log,
    meter::{Meter, What},
    template::Function,
};

/// Processes of one function for HTTP requests; further requests wait.
const API_CONCURRENCY: usize = 4;

/// The configuration of processes.
#[derive(Debug)]
pub(crate) struct Launcher {
    pub(crate) executable: PathBuf,
    pub(crate) arguments: Vec<String>,
    pub(crate) surroundings: Surroundings,
    pub(crate) log: Log,
    pub(crate) meter: Meter,
}

/// Every function of the system.
#[derive(Clone, Debug)]
pub(crate) struct Functions {
    pools: Arc<BTreeMap<String, Arc<Pool>>>,
    activity: Arc<Activity>,
    stopping: watch::Sender<bool>,
}

/// Counts that tell whether the functions are at rest.
#[derive(Debug, Default)]
struct Activity {
    begun: AtomicU64,
    running: AtomicUsize,
}

#[derive(Debug)]
struct Pool {
    function: Function,
    launcher: Arc<Launcher>,
    permits: Semaphore,
    idle: Mutex<Vec<Instance>>,
}

impl Functions {
    /// The functions of a template, without any process yet.
    pub(crate) fn new(functions: &[Function], launcher: Launcher) -> Functions {
        let launcher = Arc::new(launcher);
        let pool = |function: &Function| {
            let most = function
                .mapping
                .as_ref()
                .map(|mapping| mapping.max_concurrency as usize);
            Arc::new(Pool {
                function: function.clone(),
                launcher: Arc::clone(&launcher),
                permits: Semaphore::new(most.unwrap_or(API_CONCURRENCY)),
                idle: Mutex::default(),
            })
        };
        Functions {
            pools: Arc::new(
                functions
                    .iter()
                    .map(|function| (function.name.clone(), pool(function)))
                    .collect(),
            ),
            activity: Arc::default(),
            stopping: watch::Sender::new(false),
        }
    }

    /// Invokes a function, and waits for its result and until its output is in the log.
    ///
    /// As in an account, the invocation continues if its caller stops waiting.
    pub(crate) async fn invoke(&self, name: &str, payload: &Value) -> Result<Value, InvokeError> {
        let answer = self.invoke_raw(name, payload.to_string().into()).await?;
        if answer.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&answer).map_err(|cause| InvokeError::Answer {
            cause: Arc::new(cause),
        })
    }

    /// [`Functions::invoke`] for a payload that is bytes.
    pub(crate) async fn invoke_raw(
        &self,
        name: &str,
        payload: Bytes,
    ) -> Result<Bytes, InvokeError> {
        let pool = self
            .pools
            .get(name)
            .ok_or_else(|| InvokeError::UnknownFunction {
                name: name.to_owned(),
            })?;
        let pool = Arc::clone(pool);
        let running = Running::begin(&self.activity);
        let mut stopping = self.stopping.subscribe();
        let invocation = tokio::spawn(async move {
            let _running = running;
            tokio::select! {
                result = pool.invoke(payload) => result,
                _ = stopping.wait_for(|stopping| *stopping) => Err(InvokeError::Stopping),
            }
        });
        match invocation.await {
            Ok(result) => result,
            // The runtime is being shut down.
            Err(_) => Err(InvokeError::Stopping),
        }
    }

    /// The variables of a function's processes, as the template sets them.
    pub(crate) fn variables(&self, name: &str) -> BTreeMap<String, String> {
        let pool = self.pools.get(name);
        pool.map(|pool| pool.function.variables.clone())
            .unwrap_or_default()
    }

    /// Starts one process of every function and waits until all of them request an invocation.
    pub(crate) async fn warm_up(&self) -> Result<(), (String, InvokeError)> {
        let pools = self.pools.values().map(|pool| async move {
            let result = pool.warm_up().await;
            result.map_err(|error| (pool.function.name.clone(), error))
        });
        futures::future::try_join_all(pools).await.map(|_| ())
    }

    /// The number of invocations that run now, and of those that began since the start.
    pub(crate) fn activity(&self) -> (usize, u64) {
        let running = self.activity.running.load(Ordering::SeqCst);
        (running, self.activity.begun.load(Ordering::SeqCst))
    }

    /// Stops running invocations and all processes.
    pub(crate) async fn stop(&self) {
        self.stopping.send_replace(true);
        for pool in self.pools.values() {
            pool.permits.close();
            let idle = std::mem::take(&mut *pool.idle.lock());
            futures::future::join_all(idle.into_iter().map(Instance::kill)).await;
        }
    }
}

impl Pool {
    async fn invoke(&self, payload: Bytes) -> Result<Bytes, InvokeError> {
        let _permit = self
            .permits
            .acquire()
            .await
            .map_err(|_| InvokeError::Stopping)?;
        let mut instance = self.instance().await?;
        let start = Instant::now();
        let result = instance.invoke(&self.function, payload).await;
        self.count(start.elapsed());
        match &result {
            Ok(_) | Err(InvokeError::Function { .. }) => {
                instance.logged().await;
                self.idle.lock().push(instance);
            }
            Err(error) => {
                instance.kill().await;
                self.launcher
                    .log
                    .line(&self.function.name, &error.to_string());
            }
        }
        result
    }

    fn count(&self, time: Duration) {
        let (name, meter) = (&self.function.name, &self.launcher.meter);
        meter.add(name, What::Invocations, "", 1);
        let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        meter.add(name, What::Milliseconds, "", milliseconds.saturating_add(1));
    }

    async fn warm_up(&self) -> Result<(), InvokeError> {
        let _permit = self
            .permits
            .acquire()
            .await
            .map_err(|_| InvokeError::Stopping)?;
        let instance = self.instance().await?;
        self.idle.lock().push(instance);
        Ok(())
    }

    /// An idle process, or a new one.
    async fn instance(&self) -> Result<Instance, InvokeError> {
        while let Some(mut instance) = self.take_idle() {
            if instance.is_alive() {
                return Ok(instance);
            }
            self.launcher
                .log
                .line(&self.function.name, "an idle process had ended");
        }
        let mut instance = Instance::start(&self.function, &self.launcher)
            .await
            .map_err(|cause| InvokeError::Process {
                cause: Arc::new(cause),
            })?;
        if let Err(error) = instance.started().await {
            instance.kill().await;
            self.launcher
                .log
                .line(&self.function.name, &error.to_string());
            return Err(error);
        }
        Ok(instance)
    }

    fn take_idle(&self) -> Option<Instance> {
        self.idle.lock().pop()
    }
}

/// Counts an invocation as running until it is dropped.
struct Running(Arc<Activity>);

impl Running {
    fn begin(activity: &Arc<Activity>) -> Running {
        activity.running.fetch_add(1, Ordering::SeqCst);
        activity.begun.fetch_add(1, Ordering::SeqCst);
        Running(Arc::clone(activity))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}
