// Run from salesforce_metadata/, where sfdx-lwc-jest finds the components by sfdx-project.json.
const { join } = require('node:path');
const { jestConfig } = require('@salesforce/sfdx-lwc-jest/config');

const modules = join(__dirname, 'node_modules');

module.exports = {
    ...jestConfig,
    rootDir: join(__dirname, '../..'),
    roots: [join(__dirname, 'specs'), join(__dirname, '../../salesforce_metadata/main/core/lwc')],
    modulePaths: [modules],
    moduleNameMapper: {
        '^lightning/(actions|modal)$': join(__dirname, 'specs/stand-ins/$1')
    },
    testMatch: [join(__dirname, 'specs/*.spec.js')],
    setupFilesAfterEnv: [...jestConfig.setupFilesAfterEnv, join(__dirname, 'specs/setup.js')],
    collectCoverageFrom: ['<rootDir>/salesforce_metadata/main/core/lwc/**/*.js'],
    coverageThreshold: { global: { lines: 90, statements: 90, branches: 90, functions: 90 } },
    coverageReporters: ['text'],
    // The engine of LWC 9 comes as ES modules only.
    transform: {
        '/node_modules/@lwc/(?!jest-)': [require.resolve('babel-jest'), { plugins: [require.resolve('@babel/plugin-transform-modules-commonjs')] }],
        ...jestConfig.transform
    },
    transformIgnorePatterns: [`${modules}/(?!(@lwc/(?!jest-)|@salesforce/sfdx-lwc-jest/src/lightning-stubs/))`]
};
