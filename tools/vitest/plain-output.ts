/*
 * Nx asks its tasks for colours. Tests compare texts, also those of processes that they start, and
 * want the same texts everywhere.
 */
delete process.env.FORCE_COLOR;
