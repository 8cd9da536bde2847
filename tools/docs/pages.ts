import { renderConfigurationPage } from './configuration-page.ts';
import { renderErrorsPage } from './errors-page.ts';
import { renderMetricsPage } from './metrics-page.ts';

/** The generated pages: path from the repository's root, and how each is rendered. */
export const GENERATED_PAGES: readonly { readonly path: string; readonly render: () => string }[] =
  [
    { path: 'docs/reference/errors.md', render: renderErrorsPage },
    { path: 'docs/reference/configuration.md', render: renderConfigurationPage },
    { path: 'docs/reference/metrics.md', render: renderMetricsPage },
  ];
