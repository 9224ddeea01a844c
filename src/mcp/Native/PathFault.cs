using System.Runtime.InteropServices;
using Mcp.Text;

namespace Mcp.Native;

/// <summary>A system call that the kernel refused: which, on what, and its errno.</summary>
internal sealed class PathFault : IOException
{
    /// <summary>ENOENT.</summary>
    public const int NotFound = 2;

    /// <summary>EEXIST.</summary>
    public const int Exists = 17;

    /// <summary>ENOTDIR.</summary>
    public const int NotAFolder = 20;

    /// <summary>ENOSPC.</summary>
    public const int NoSpace = 28;

    /// <summary>ELOOP: a symbolic link where none may be.</summary>
    public const int Link = 40;

    /// <summary>EXDEV: the path leads out of the folder.</summary>
    public const int Outside = 18;

    /// <summary>EOPNOTSUPP: the file system has no such thing as extended attributes.</summary>
    public const int NotSupported = 95;

    /// <summary>EDQUOT.</summary>
    public const int Quota = 122;

    // EIO, ENOMEM, ENFILE, EMFILE, ENODATA (of a bad block), EROFS.
    private static ReadOnlySpan<int> OfTheMachine => [5, 12, 23, 24, 61, 30, NoSpace, Quota];

    /// <summary>Whether the machine is in trouble, whatever was asked of it: a full or broken disk, no memory, no descriptors.</summary>
    public bool IsOfTheMachine => OfTheMachine.Contains(Error);

    private PathFault(string message, int error)
        : base(message) => Error = error;

    /// <summary>The errno.</summary>
    public int Error { get; }

    /// <summary>The fault of the last call of this thread.</summary>
    /// <param name="call">The call's name in its man page.</param>
    /// <param name="path">On what; bytes, escaped here.</param>
    public static PathFault Last(string call, ReadOnlySpan<byte> path)
    {
        var error = Marshal.GetLastPInvokeError();
        return new PathFault($"{call} of {PrintableBytes.Line(path, 300)}: {Marshal.GetPInvokeErrorMessage(error)}", error);
    }
}
