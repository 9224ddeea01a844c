using System.Diagnostics;
using Mcp.EndToEnd.Harness;

namespace Mcp.EndToEnd.Podman;

/// <summary>Debian's docker-registry on loopback, with or without a login (tester, s3cret).</summary>
internal sealed class LoopbackRegistry : IAsyncDisposable
{
    // bcrypt of s3cret with the lowest cost.
    private const string Logins = "tester:$2b$04$LDLDs4qr0ngBSh.axxcnH.Q8fgUxgXAagUI/DscHrQQOeekNzbfdW\n";

    private readonly TemporaryFolder _folder = new();
    private Process? _process;

    private LoopbackRegistry(string address) => Address = address;

    /// <summary>Host and port.</summary>
    public string Address { get; }

    /// <summary>Starts it and returns when it answers.</summary>
    public static async Task<LoopbackRegistry> StartAsync(bool withLogin)
    {
        var registry = new LoopbackRegistry($"127.0.0.1:{ContainerTests.FreePort()}");
        var folder = registry._folder;
        await File.WriteAllTextAsync(folder.PathOf("logins"), Logins);
        await File.WriteAllTextAsync(folder.PathOf("config.yml"), $"""
            version: 0.1
            log: {"{"} level: error {"}"}
            storage: {"{"} filesystem: {"{"} rootdirectory: {folder.PathOf("data")} {"}"} {"}"}
            http: {"{"} addr: "{registry.Address}" {"}"}
            {(withLogin ? $"auth: {{ htpasswd: {{ realm: test, path: {folder.PathOf("logins")} }} }}" : "")}
            """);
        registry._process = Shell.Start("docker-registry", ["serve", folder.PathOf("config.yml")]);
        using var http = new HttpClient();
        await Wait.UntilAsync("the registry answers", async () =>
        {
            try
            {
                using var answer = await http.GetAsync(new Uri($"http://{registry.Address}/v2/"));
                return true;
            }
            catch (HttpRequestException)
            {
                return false;
            }
        });
        return registry;
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            _process.Kill();
            await _process.WaitForExitAsync();
            _process.Dispose();
        }
        _folder.Dispose();
    }
}
