import pluginVue from 'eslint-plugin-vue'
import tseslint from 'typescript-eslint'

/** Imports go one way: app → features → (vault, live) → (api, sealer, ui, domain); features never import each other. */
const above = {
  'domain': ['@/api/*', '@/live/*', '@/sealer/*', '@/vault/*', '@/ui/*', '@/features/*', '@/app/*', 'vue', 'vue-router', 'element-plus'],
  'api': ['@/live/*', '@/vault/*', '@/ui/*', '@/features/*', '@/app/*', 'element-plus'],
  'sealer': ['@/api/*', '@/live/*', '@/vault/*', '@/ui/*', '@/features/*', '@/app/*', 'vue', 'element-plus'],
  'live': ['@/vault/*', '@/ui/*', '@/features/*', '@/app/*', 'element-plus'],
  'ui': ['@/live/*', '@/vault/*', '@/sealer/*', '@/features/*', '@/app/*'],
  'vault': ['@/live/*', '@/features/*', '@/app/*'],
  'certificate': ['@/live/*', '@/vault/*', '@/features/*', '@/app/*'],
  'features': ['@/features/*', '@/app/*', '../*/../*', '../portal/*', '../lot/*', '../session/*', '../desk/*', '../vault/*', '../bids/*', '../deadline/*', '../rehearsal/*', '../hall/*', '../account/*'],
}

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', 'public/'] },
  ...tseslint.configs.recommended,
  ...pluginVue.configs['flat/essential'],
  { files: ['**/*.vue'], languageOptions: { parserOptions: { parser: tseslint.parser } } },
  {
    files: ['src/**/*.{ts,vue}'],
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      'no-restricted-globals': ['error', { name: 'fetch', message: 'api/client.ts is the only caller of fetch.' }],
      'vue/multi-word-component-names': 'off',
      'vue/block-lang': ['error', { script: { lang: 'ts' } }],
      'max-lines': ['error', { max: 400 }],
    },
  },
  ...Object.entries(above).map(([folder, group]) => ({
    files: [`src/${folder}/**/*.{ts,vue}`],
    rules: { 'no-restricted-imports': ['error', { patterns: [{ group, message: `${folder}/ does not know what stands above it.` }] }] },
  })),
  { files: ['src/api/client.ts', 'src/sealer/worker.ts', 'src/**/*.test.ts'], rules: { 'no-restricted-globals': 'off' } },
)
