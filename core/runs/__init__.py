"""A run's life: queue, worker process, storage, exchange. It must not know torch or Streamlit."""
