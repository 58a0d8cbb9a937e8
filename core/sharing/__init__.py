"""Results as files that travel: tables, a report, a snippet, a command. Nothing here measures or stores."""
