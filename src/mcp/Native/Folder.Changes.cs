using System.Runtime.InteropServices;

namespace Mcp.Native;

/// <summary>Names of a folder that are taken away or moved.</summary>
internal sealed unsafe partial class Folder
{
    private const int RemoveDirectory = 0x200;

    /// <summary>Takes a name away; of a folder only when it is empty.</summary>
    /// <returns>False: nothing was there.</returns>
    /// <exception cref="PathFault">The file system refused.</exception>
    public bool Remove(ReadOnlySpan<byte> name, bool folder = false)
    {
        Span<byte> buffer = stackalloc byte[name.Length + 1];
        int result;
        fixed (byte* text = Terminate(name, buffer))
            result = Unlink(Descriptor, text, folder ? RemoveDirectory : 0);
        if (result < 0 && Marshal.GetLastPInvokeError() == PathFault.NotFound)
            return false;
        Check(result, "unlinkat", name);
        return true;
    }

    /// <summary>Moves an entry to another folder of the same file system, over what has that name there unless it is a folder.</summary>
    /// <exception cref="PathFault">The file system refused.</exception>
    public void MoveOver(ReadOnlySpan<byte> name, Folder to)
    {
        Span<byte> buffer = stackalloc byte[name.Length + 1];
        fixed (byte* text = Terminate(name, buffer))
            Check(Rename(Descriptor, text, to.Descriptor, text, 0), "renameat2", name);
    }

    /// <summary>What is there under a name of this folder, without following it; null: nothing is.</summary>
    /// <exception cref="PathFault">It could not be examined.</exception>
    public FileStatus? TryStatusOf(ReadOnlySpan<byte> name)
    {
        try
        {
            return StatusOf(name);
        }
        catch (PathFault e) when (e.Error == PathFault.NotFound)
        {
            return null;
        }
    }

    [LibraryImport("libc", EntryPoint = "unlinkat", SetLastError = true)]
    private static partial int Unlink(int folder, byte* path, int flags);

    [LibraryImport("libc", EntryPoint = "renameat2", SetLastError = true)]
    private static partial int Rename(int from, byte* name, int to, byte* newName, uint flags);
}
