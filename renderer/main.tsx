import { createRoot } from 'react-dom/client';
import { z } from 'zod';
import { App } from './app.tsx';
import './design/css/base.css';
import './design/css/controls.css';
import './design/css/overlays.css';
import './design/css/figures.css';

// The content security policy allows no code from strings, which zod would use to validate faster.
z.config({ jitless: true });

const root = document.querySelector('#root');
if (root !== null) createRoot(root).render(<App />);
