import { createRoot } from 'react-dom/client';
import { z } from 'zod';
import { App } from './app.tsx';
import './design/base.css';
import './design/controls.css';
import './design/overlays.css';
import './design/figures.css';

// The content security policy allows no code from strings, which zod would use to validate faster.
z.config({ jitless: true });

const root = document.querySelector('#root');
if (root !== null) createRoot(root).render(<App />);
