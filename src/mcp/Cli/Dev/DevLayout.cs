using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Mcp.Errors;
using Mcp.Files;
using Mcp.Toml;

namespace Mcp.Cli.Dev;

/// <summary>
/// The one folder of <c>mcp dev</c> and its two ports, chosen at the first start and kept, so that a second start finds what the first one
/// made. The folder is locked while a dev runs: two masters on one database would be one too many.
/// </summary>
internal sealed class DevLayout : IDisposable
{
    // Above the ports of routes (10000 to 32000) and below the ones that Linux gives to outgoing connections (from 32768).
    private const int FirstPort = 32001, LastPort = 32767;

    private readonly FileStream _lock;

    private DevLayout(string root, int masterPort, int agentPort, FileStream @lock)
    {
        (Root, MasterPort, AgentPort, _lock) = (root, masterPort, agentPort, @lock);
    }

    /// <summary>Absolute.</summary>
    public string Root { get; }

    /// <summary>Where the master listens on loopback.</summary>
    public int MasterPort { get; }

    /// <summary>Where the agent listens on loopback.</summary>
    public int AgentPort { get; }

    /// <summary>What <c>/srv</c> is.</summary>
    public string DataRoot => Path.Combine(Root, "srv");

    /// <summary>The agent's folder.</summary>
    public string AgentHome => Path.Combine(DataRoot, "mcp");

    /// <summary>The master's folder.</summary>
    public string MasterHome => Path.Combine(DataRoot, "mcp-master");

    /// <summary>The operator's configuration.</summary>
    public string CliFolder => Path.Combine(Root, "cli");

    /// <summary>The master's socket.</summary>
    public string MasterSocket => Path.Combine(Root, "run", "master.sock");

    /// <summary>The agent's socket.</summary>
    public string AgentSocket => Path.Combine(Root, "run", "agent.sock");

    /// <summary>Podman's socket.</summary>
    public string PodmanSocket => Path.Combine(Root, "run", "podman.sock");

    /// <summary>Opens or creates the folder and takes its lock.</summary>
    /// <exception cref="McpException">It is in use, not ours, or its path is too long for a socket.</exception>
    public static DevLayout Open(string root)
    {
        // sun_path has 108 bytes (unix(7)).
        if (Encoding.UTF8.GetByteCount(Path.Combine(root, "run", "podman.sock")) > 100)
            throw new McpException(FaultCode.InvalidArgument, $"the folder {root} is too deep for Unix sockets in it") { Hint = "mcp dev --dir /tmp/mcp-dev" };
        var file = Path.Combine(root, "dev.toml");
        OpenRoot(root);
        foreach (var folder in new[] { "run", "srv", "cli" })
            SecretFile.EnsureFolder(Path.Combine(root, folder));
        var @lock = Lock(Path.Combine(root, "dev.lock"));
        try
        {
            if (!File.Exists(file))
            {
                var (master, agent) = (FreePort(0), FreePort(1));
                DurableFile.Write(file, Encoding.UTF8.GetBytes($"# Written by 'mcp dev'. The ports stay, so that a second start finds the first one's fleet.\nmaster_port = {master}\nagent_port = {agent}\n"), DurableFile.Secret);
            }
            var document = TomlText.ReadFile(file);
            var ports = (Master: document.Root.Port("master_port", 0), Agent: document.Root.Port("agent_port", 0));
            document.RejectUnknown();
            document.ThrowIfWrong($"{file} cannot be used");
            return new DevLayout(root, ports.Master, ports.Agent, @lock);
        }
        catch
        {
            @lock.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _lock.Dispose();

    /// <summary>The folder itself may lie open to readers, since what is in it does not; but who could write in it could swap what is in it.</summary>
    private static void OpenRoot(string root)
    {
        var info = Directory.CreateDirectory(root, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        if ((info.UnixFileMode & (UnixFileMode.GroupWrite | UnixFileMode.OtherWrite)) != 0)
            throw new McpException(FaultCode.FailedPrecondition, $"{root} can be written by others") { Hint = $"chmod 0700 {root}" };
    }

    private static FileStream Lock(string path)
    {
        try
        {
            // FileShare.None is flock(2): the kernel gives it back when the process dies, however it dies.
            var stream = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            stream.SetLength(0);
            stream.Write(Encoding.ASCII.GetBytes(Environment.ProcessId.ToString(CultureInfo.InvariantCulture)));
            stream.Flush();
            return stream;
        }
        catch (IOException e)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"another mcp dev runs in {Path.GetDirectoryName(path)}", e)
            {
                Hint = "use that one, end it, or choose another folder: mcp dev --dir <folder>",
            };
        }
    }

    /// <summary>A free loopback port; <paramref name="half"/> keeps the two from being the same one.</summary>
    private static int FreePort(int half)
    {
        var middle = FirstPort + (LastPort - FirstPort) / 2;
        for (var attempt = 0; attempt < 500; attempt++)
        {
            var port = half == 0 ? Random.Shared.Next(FirstPort, middle) : Random.Shared.Next(middle, LastPort + 1);
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
                return port;
            }
            catch (SocketException)
            {
                // Taken; try another.
            }
        }
        throw new McpException(FaultCode.ResourceExhausted, $"no free port between {FirstPort} and {LastPort} on 127.0.0.1");
    }
}
