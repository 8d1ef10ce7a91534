// open-with CLASS PATH   opens a folder (class Directory) or a drive (Drive) by the entry "Open with Vicinity" of its menu, as the Explorer
// does. The class is named because wine looks up entries of the class Folder only.
#include <windows.h>
#include <shellapi.h>

int wmain(int count, wchar_t **words) {
    SHELLEXECUTEINFOW what = {sizeof what};
    if (count != 3) return 2;
    what.fMask = SEE_MASK_FLAG_NO_UI | SEE_MASK_NOASYNC | SEE_MASK_CLASSNAME;
    what.lpClass = words[1];
    what.lpVerb = L"Vicinity";
    what.lpFile = words[2];
    what.nShow = SW_SHOWNORMAL;
    return ShellExecuteExW(&what) ? 0 : 1;
}
