// TPE
