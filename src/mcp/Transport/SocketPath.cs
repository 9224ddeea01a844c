using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using Mcp.Errors;

namespace Mcp.Transport;

/// <summary>
/// Where a role's Unix socket is. Who can open it is admin, so the folder must be nobody else's to change, a live socket is never taken over, and
/// the name appears only when the socket behind it already has mode 0600.
/// </summary>
internal static partial class SocketPath
{
    /// <summary>sun_path has 108 bytes with its final zero (unix(7)); one more is kept for the temporary name.</summary>
    private const int MaxBytes = 106;

    private const UnixFileMode OthersWrite = UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;

    /// <summary>Makes <paramref name="path"/> free to bind: checks its folder and removes a socket that nobody answers on.</summary>
    /// <exception cref="McpException">Somebody answers there, it is not a socket, or the folder is open to others.</exception>
    public static async Task PrepareAsync(string path, CancellationToken ct)
    {
        CheckFolder(Path.GetDirectoryName(Path.GetFullPath(path))!);
        await RemoveStaleAsync(path, ct);
    }

    /// <summary>Refuses a path that no socket can have.</summary>
    /// <exception cref="McpException">It is too long.</exception>
    public static void CheckLength(string path)
    {
        if (Encoding.UTF8.GetByteCount(path) > MaxBytes)
        {
            throw new McpException(FaultCode.InvalidArgument, $"the path of the socket {path} is longer than the {MaxBytes} bytes that Unix sockets allow")
            {
                Hint = "choose a shorter folder ([server] socket, or --dir)",
            };
        }
    }

    /// <summary>A listening socket's descriptor bound to <paramref name="path"/>, mode 0600 from the first moment that the name exists.</summary>
    public static Socket Bind(string path)
    {
        var temporary = path + "~";
        File.Delete(temporary);
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Bind(new UnixDomainSocketEndPoint(temporary));
            File.SetUnixFileMode(temporary, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            File.Move(temporary, path, overwrite: true);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Removes <paramref name="path"/> after the server stopped, unless a successor already answers there.</summary>
    public static async Task ReleaseAsync(string path)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        try
        {
            if (!await AnswersAsync(path, limit.Token))
                File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or OperationCanceledException)
        {
            // A stale socket is removed by the next start.
        }
    }

    private static async Task RemoveStaleAsync(string path, CancellationToken ct)
    {
        var file = new FileInfo(path);
        if (!file.Exists && file.LinkTarget is null)
            return;
        if (file.LinkTarget is not null || !IsSocket(path))
        {
            throw new McpException(FaultCode.FailedPrecondition, $"{path} exists and is not a socket")
            {
                Hint = $"look at it and move it away: ls -l {path}",
            };
        }
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(TimeSpan.FromSeconds(2));
        bool answers;
        try
        {
            answers = await AnswersAsync(path, limit.Token);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            // Its queue is full: the owner lives and hangs.
            answers = true;
        }
        if (answers)
        {
            throw new McpException(FaultCode.AlreadyExists, $"another process answers on {path}")
            {
                Hint = "the role is running already; stop it first (systemctl stop mcp-agent or mcp-master, or end the mcp dev that runs there)",
            };
        }
        File.Delete(path);
    }

    private static async Task<bool> AnswersAsync(string path, CancellationToken ct)
    {
        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await probe.ConnectAsync(new UnixDomainSocketEndPoint(path), ct);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static void CheckFolder(string folder)
    {
        var info = Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var owner = OwnerOf(folder);
        if (owner is { } uid && uid != 0 && uid != LocalPeer.EffectiveUser())
        {
            throw new McpException(FaultCode.FailedPrecondition, $"the folder {folder} of the role's socket belongs to uid {uid}")
            {
                Hint = $"chown {LocalPeer.EffectiveUser()} {folder}, or choose another folder",
            };
        }
        if ((info.UnixFileMode & OthersWrite) != 0 && (info.UnixFileMode & UnixFileMode.StickyBit) == 0)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"others may write in the folder {folder} of the role's socket, and could replace it")
            {
                Hint = $"chmod go-w {folder}",
            };
        }
    }

    private static bool IsSocket(string path) => Status(path) is { } s && (s.Mode & 0xF000) == 0xC000;

    private static uint? OwnerOf(string path) => Status(path)?.UserId;

    /// <summary>Owner and type by statx(2), whose structure is the same on all architectures: uid at 20, mode at 28. The last link is not followed.</summary>
    private static (uint UserId, ushort Mode)? Status(string path)
    {
        const int atFdCwd = -100, noFollow = 0x100;
        const uint basic = 0x7ff;
        var buffer = new byte[256];
        return Statx(atFdCwd, path, noFollow, basic, buffer) == 0
            ? (BitConverter.ToUInt32(buffer, 20), BitConverter.ToUInt16(buffer, 28))
            : null;
    }

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int folder, string path, int flags, uint mask, [Out] byte[] buffer);
}
