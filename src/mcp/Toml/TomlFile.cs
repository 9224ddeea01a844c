using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Mcp.Toml;

/// <summary>
/// The bytes of a configuration file. It is opened without following a link where links are refused, and without blocking, so that a FIFO or a
/// device put in its place cannot hang the caller; what is opened is what is judged, so nothing can be swapped in between.
/// </summary>
internal static partial class TomlFile
{
    private const int NonBlock = 0x800;
    private const int CloseOnExec = 0x80000;
    private const int NoSuchFile = 2;
    private const int TooManyLinks = 40;

    // open(2): the value differs between x86-64 and arm64.
    private static int NoFollow => RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 0x8000 : 0x20000;

    /// <summary>The text of a regular UTF-8 file of at most <see cref="TomlText.MaxBytes"/>, or what is wrong with the file.</summary>
    public static (string? Text, string? Problem) Read(string path, bool followLinks)
    {
        var descriptor = Open(path, NonBlock | CloseOnExec | (followLinks ? 0 : NoFollow));
        if (descriptor < 0)
        {
            return (null, Marshal.GetLastPInvokeError() switch
            {
                NoSuchFile => "does not exist",
                TooManyLinks => "is a symbolic link; a definition is read only from the file itself",
                _ => $"cannot be opened: {Marshal.GetLastPInvokeErrorMessage()}",
            });
        }
        try
        {
            using var handle = new SafeFileHandle(descriptor, ownsHandle: true);
            using var stream = new FileStream(handle, FileAccess.Read, bufferSize: 0);
            if (!stream.CanSeek)
                return (null, "is not a regular file");
            return Decode(stream);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            return (null, Directory.Exists(path) ? "is a folder; a file is needed" : $"cannot be read: {e.Message}");
        }
    }

    private static (string? Text, string? Problem) Decode(FileStream stream)
    {
        // One byte more than allowed is enough to know; the length that the file system tells may be a lie (/proc, a growing file).
        var bytes = new byte[(int)Math.Min(TomlText.MaxBytes, Math.Max(stream.Length, 4096)) + 1];
        var count = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        if (count > TomlText.MaxBytes || count == bytes.Length)
            return (null, $"has more than {TomlText.MaxBytes / 1024} KiB; a configuration file has at most that");
        try
        {
            return (new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true).GetString(bytes, 0, count), null);
        }
        catch (DecoderFallbackException e)
        {
            var line = 1 + bytes.AsSpan(0, Math.Clamp(e.Index, 0, count)).Count((byte)'\n');
            return (null, $"is not UTF-8 text (line {line})");
        }
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);
}
