using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Mcp.Podman;

/// <summary>Who listens on a Unix socket.</summary>
internal static class SocketOwner
{
    /// <summary>The process that listens there; null when nobody does.</summary>
    public static int? Find(string socketPath)
    {
        // SOL_SOCKET, SO_PEERCRED; struct ucred is pid, uid, gid. Of a connected socket it tells who called listen(2).
        const int level = 1, peerCredentials = 17;
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(socketPath));
            Span<byte> credentials = stackalloc byte[12];
            socket.GetRawSocketOption(level, peerCredentials, credentials);
            return BitConverter.ToInt32(credentials);
        }
        catch (SocketException)
        {
            return null;
        }
    }

    /// <summary>Whether that process is a podman service on this socket, by its command line.</summary>
    public static bool IsService(int pid, string socketPath)
    {
        try
        {
            var arguments = Encoding.UTF8.GetString(File.ReadAllBytes(Proc(pid, "cmdline"))).Split('\0');
            return arguments.Contains("system") && arguments.Contains("service") && arguments.Contains($"unix://{socketPath}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Ends when that process, which is not our child, is gone. Looks five times a second: there is no event for it without a descriptor.</summary>
    public static async Task WaitForExitAsync(int pid, TimeProvider clock, CancellationToken ct)
    {
        while (File.Exists(Proc(pid, "stat")) && !IsZombie(pid))
            await Task.Delay(TimeSpan.FromMilliseconds(200), clock, ct);
    }

    private static bool IsZombie(int pid)
    {
        try
        {
            // "pid (name) S …": the name may hold anything, so the state is looked for from the right.
            var stat = File.ReadAllText(Proc(pid, "stat"));
            return stat[(stat.LastIndexOf(')') + 1)..].TrimStart().StartsWith('Z');
        }
        catch (IOException)
        {
            return true;
        }
    }

    private static string Proc(int pid, string file) => $"/proc/{pid.ToString(CultureInfo.InvariantCulture)}/{file}";
}
