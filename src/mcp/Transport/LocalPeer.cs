using System.Buffers.Binary;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Mcp.Transport;

/// <summary>
/// Who opened the other end of a Unix socket, as the kernel remembers it from connect(2); a client cannot lie about it.
/// </summary>
/// <param name="ProcessId">Of the process that connected.</param>
/// <param name="UserId">Its effective user.</param>
internal sealed partial record LocalPeer(int ProcessId, uint UserId)
{
    private const int SolSocket = 1, SoPeerCred = 17;

    /// <summary>Whether this peer may use the role's socket: root, or the role's own user.</summary>
    public bool IsAllowed => UserId == 0 || UserId == EffectiveUser();

    /// <summary>Reads <c>SO_PEERCRED</c> (unix(7)): struct ucred of pid, uid and gid.</summary>
    /// <exception cref="SocketException">The socket is no Unix socket.</exception>
    public static LocalPeer Of(Socket socket)
    {
        Span<byte> credentials = stackalloc byte[12];
        socket.GetRawSocketOption(SolSocket, SoPeerCred, credentials);
        // Native byte order; both architectures that we build for are little-endian.
        return new(BinaryPrimitives.ReadInt32LittleEndian(credentials), BinaryPrimitives.ReadUInt32LittleEndian(credentials[4..]));
    }

    /// <summary>geteuid(2): the user of this process.</summary>
    [LibraryImport("libc", EntryPoint = "geteuid")]
    public static partial uint EffectiveUser();
}
