"""Records and analysis to Plotly: pure functions, data first, then drawing. Knows neither pages nor stores."""
