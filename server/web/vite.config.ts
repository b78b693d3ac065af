import { fileURLToPath, URL } from 'node:url'
import vue from '@vitejs/plugin-vue'
import components from 'unplugin-vue-components/vite'
import { ElementPlusResolver } from 'unplugin-vue-components/resolvers'
import { defineConfig } from 'vite'
import { mockServer } from './dev/mock.ts'

/** Where `npm run dev` finds the running platform. */
const platform = process.env['JIANBIAO_URL'] ?? 'http://127.0.0.1:8080'

export default defineConfig(({ mode }) => ({
  plugins: [
    vue(),
    // Only Element Plus components (with their styles) are resolved by name; everything of ours is imported by hand.
    components({ dirs: [], dts: false, resolvers: [ElementPlusResolver({ importStyle: 'css' })] }),
    ...(mode === 'mocked' ? [mockServer()] : []),
  ],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  build: {
    target: 'es2022',
    manifest: true,
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 700,
  },
  worker: { format: 'es' },
  server: {
    host: '127.0.0.1',
    port: 5173,
    ...(mode === 'mocked' ? {} : { proxy: { '/api': { target: platform, ws: true, changeOrigin: true } } }),
  },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
}))
