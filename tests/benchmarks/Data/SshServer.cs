using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Mcp.EndToEnd.Harness;

namespace Mcp.Benchmarks.Data;

/// <summary>An OpenSSH server as Debian ships it, with keys of its own, for root of this machine alone; gone with its folder.</summary>
internal sealed class SshServer : IAsyncDisposable
{
    private readonly Process _process;
    private readonly string _folder;
    private readonly string _host;
    private readonly int _port;

    private SshServer(Process process, string folder, string host, int port) => (_process, _folder, _host, _port) = (process, folder, host, port);

    /// <summary>The process that waits for connections; those who work are its children.</summary>
    public int ProcessId => _process.Id;

    /// <summary>The client's words up to the host: for a shell, and for rsync's <c>-e</c>.</summary>
    public string Client => $"ssh -q -F none -i {_folder}/user -o IdentitiesOnly=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -p {_port}";

    /// <summary>Whom the client calls.</summary>
    public string Host => $"root@{_host}";

    /// <summary>Starts one.</summary>
    /// <param name="folder">Empty, and nobody else's.</param>
    /// <param name="host">The address that it listens on.</param>
    /// <param name="before">What starts it; empty: nothing does.</param>
    public static async Task<SshServer> StartAsync(string folder, string host, IReadOnlyList<string> before)
    {
        var port = FreePort();
        foreach (var key in new[] { "host", "user" })
            (await Shell.RunAsync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", Path.Combine(folder, key)])).OrThrow();
        File.Copy(Path.Combine(folder, "user.pub"), Path.Combine(folder, "authorized"));
        await File.WriteAllTextAsync(Path.Combine(folder, "sshd_config"), $"""
            Port {port}
            ListenAddress {host}
            HostKey {folder}/host
            AuthorizedKeysFile {folder}/authorized
            PermitRootLogin prohibit-password
            StrictModes no
            UsePAM no
            PidFile none
            """);
        Directory.CreateDirectory("/run/sshd");
        IReadOnlyList<string> words = [.. before, "/usr/sbin/sshd", "-D", "-e", "-f", Path.Combine(folder, "sshd_config")];
        var process = Shell.Start(words[0], [.. words.Skip(1)]);
        process.StandardInput.Close();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        var server = new SshServer(process, folder, host, port);
        await Wait.UntilAsync("the SSH server lets in", async () => (await Shell.RunAsync("bash", ["-c", $"{server.Client} {server.Host} true"])).ExitCode == 0);
        return server;
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
