import 'uplot/dist/uPlot.min.css';
import './style/fonts.css';
import './style/base.css';
import './style/parts.css';
import './style/pages.css';
import { render } from 'preact';
import { App } from './app';

render(<App />, document.getElementById('page')!);
