{
  "includes": ["native/sources.gypi"],
  "variables": {
    "have_memkind%": "<!(node -p \"['/usr/include/memkind.h','/usr/local/include/memkind.h'].some(require('fs').existsSync) ? 1 : 0\")"
  },
  "target_defaults": {
    "include_dirs": ["native"],
    "cflags_cc!": ["-std=gnu++17", "-std=gnu++20", "-fno-rtti"],
    "cflags_cc": ["-std=c++20", "-fvisibility=hidden", "-fvisibility-inlines-hidden", "-Wall", "-Wextra"]
  },
  "targets": [
    {
      "target_name": "memory_tiers",
      "dependencies": ["<!(node -p \"require('node-addon-api').targets\"):node_addon_api_except"],
      "sources": ["<@(core_sources)", "<@(bind_sources)"],
      "defines": ["NAPI_VERSION=9", "NODE_ADDON_API_DISABLE_DEPRECATED", "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"],
      "libraries": ["-lnuma", "-ldl"],
      "ldflags": ["-Wl,-rpath,'$$ORIGIN'"]
    },
    {
      "target_name": "memkind_backend",
      "conditions": [
        ["have_memkind==1", {
          "type": "shared_library",
          "product_dir": "<(PRODUCT_DIR)",
          "product_prefix": "",
          "product_extension": "so",
          "sources": ["<@(memkind_plugin_sources)"],
          "libraries": ["-lmemkind"]
        }, { "type": "none" }]
      ]
    }
  ]
}
